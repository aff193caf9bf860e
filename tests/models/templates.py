"""Chat templates of the common families, as their models publish them but for tools, pictures and defaults.

Each is Jinja over `messages`; `FAMILIES` names them. `MARKS` are the strings with which these and further families mark who
speaks, where a text begins and ends, tools and thoughts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from jinja2 import Environment, Template

from bot.messages import Message

_CHATML = (  # Qwen's too
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)
_LLAMA_3 = (
    "<|begin_of_text|>{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content | trim }}<|eot_id|>{% endfor %}<|start_header_id|>assistant<|end_header_id|>\n\n"
)
_LLAMA_4 = (
    "<|begin_of_text|>{% for m in messages %}<|header_start|>{{ m.role }}<|header_end|>\n\n{{ m.content | trim }}<|eot|>"
    "{% endfor %}<|header_start|>assistant<|header_end|>\n\n"
)
_LLAMA_2 = (
    "{% for m in messages[1:] %}{% if m.role == 'user' %}<s>[INST] "
    "{% if loop.first %}<<SYS>>\n{{ messages[0].content }}\n<</SYS>>\n\n{% endif %}"
    "{{ m.content | trim }} [/INST]{% else %} {{ m.content | trim }} </s>{% endif %}{% endfor %}"
)
_MISTRAL = (
    "<s>{% for m in messages %}{% if m.role == 'system' %}[SYSTEM_PROMPT]{{ m.content }}[/SYSTEM_PROMPT]"
    "{% elif m.role == 'user' %}[INST]{{ m.content }}[/INST]{% else %}{{ m.content }}</s>{% endif %}{% endfor %}"
)
_GEMMA = (
    "<bos>{% for m in messages[1:] %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
    "{% if loop.first %}{{ messages[0].content }}\n\n{% endif %}{{ m.content | trim }}<end_of_turn>\n{% endfor %}"
    "<start_of_turn>model\n"
)
_GEMMA_4 = (
    "<bos>{% for m in messages %}<|turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}<turn|>\n"
    "{% endfor %}<|turn>model\n<|channel>thought\n<channel|>"
)
_PHI_3 = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}<|assistant|>\n"
_PHI_4 = (
    "{% for m in messages %}<|im_start|>{{ m.role }}<|im_sep|>{{ m.content }}<|im_end|>{% endfor %}"
    "<|im_start|>assistant<|im_sep|>"
)
_DEEPSEEK = (
    "<｜begin▁of▁sentence｜>{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}{% elif m.role == 'user' %}"
    "<｜User｜>{{ m.content }}{% else %}<｜Assistant｜>{{ m.content }}<｜end▁of▁sentence｜>{% endif %}{% endfor %}"
    "<｜Assistant｜><think>\n"
)
_COMMAND_R = (
    "<BOS_TOKEN>{% for m in messages %}<|START_OF_TURN_TOKEN|><|{{ {'system': 'SYSTEM', 'user': 'USER', 'assistant': 'CHATBOT'}"
    "[m.role] }}_TOKEN|>{{ m.content }}<|END_OF_TURN_TOKEN|>{% endfor %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>"
)
_GRANITE = (
    "{% for m in messages %}<|start_of_role|>{{ m.role }}<|end_of_role|>{{ m.content }}<|end_of_text|>\n{% endfor %}"
    "<|start_of_role|>assistant<|end_of_role|>"
)
_HARMONY = (
    "{% for m in messages %}<|start|>{{ m.role }}{% if m.role == 'assistant' %}<|channel|>final{% endif %}<|message|>"
    "{{ m.content }}<|end|>{% endfor %}<|start|>assistant"
)
_ALPACA = (
    "{{ messages[0].content }}\n\n{% for m in messages[1:] %}### {{ 'Instruction' if m.role == 'user' else 'Response' }}:\n"
    "{{ m.content }}\n\n{% endfor %}### Response:\n"
)

FAMILIES: Mapping[str, str] = {
    "alpaca": _ALPACA,
    "chatml": _CHATML,
    "command-r": _COMMAND_R,
    "deepseek": _DEEPSEEK,
    "gemma": _GEMMA,
    "gemma-4": _GEMMA_4,
    "granite": _GRANITE,
    "harmony": _HARMONY,
    "llama-2": _LLAMA_2,
    "llama-3": _LLAMA_3,
    "llama-4": _LLAMA_4,
    "mistral": _MISTRAL,
    "phi-3": _PHI_3,
    "phi-4": _PHI_4,
}

MARKS: Sequence[str] = (
    *("<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|endoftext|>", "<|fim_prefix|>", "<|vision_start|>"),  # ChatML, Qwen, Phi-4
    *("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>", "<|python_tag|>"),  # Llama 3
    *("<|header_start|>", "<|header_end|>", "<|eot|>", "<|finetune_right_pad_id|>"),  # Llama 4
    *("<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<unk>", "<pad>"),  # Llama 2, Mistral
    *("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]"),  # Mistral
    *("[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CONTENT]", "[THINK]", "[/THINK]", "[CALL_ID]"),
    *("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<unused12>"),  # Gemma
    *("<|turn>", "<turn|>", "<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>", "<|think|>", '<|"|>'),  # Gemma 4
    *("<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|tool|>", "<|placeholder1|>"),  # Phi-3, GLM, Zephyr
    *(
        "<｜begin▁of▁sentence｜>",
        "<｜end▁of▁sentence｜>",
        "<｜User｜>",
        "<｜Assistant｜>",
        "<｜tool▁calls▁begin｜>",
    ),  # DeepSeek
    *("<BOS_TOKEN>", "<EOS_TOKEN>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|USER_TOKEN|>"),  # Command R
    *("<|CHATBOT_TOKEN|>", "<|SYSTEM_TOKEN|>", "<|START_THINKING|>"),
    *("<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>", "<|tool_call|>"),  # Granite
    *("<|start|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|call|>", "<|return|>"),  # gpt-oss
    *("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "<tools>", "<function=x>"),  # DeepSeek, Qwen
    *("[|system|]", "[|user|]", "[|assistant|]", "[gMASK]", "<sop>", "<extra_id_1>", "<SPECIAL_12>", "<seed:bos>"),
    *("]~b]", "]~!b[", "[e~[", "]!p~[", "]<]image[>[", "<role>", "</role>"),  # MiniMax, Ling
    *("### Instruction:", "### Response:", "### Input:", "### User:", "### System:"),  # Alpaca and its kin
)


@cache
def _template(family: str) -> Template:
    return Environment(autoescape=False, keep_trailing_newline=True).from_string(FAMILIES[family])


def templated(family: str, messages: Sequence[Message]) -> str:
    """The messages as one family's model reads them."""
    return _template(family).render(messages=[{"role": one.role, "content": one.content} for one in messages])
