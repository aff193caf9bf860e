"""The settings of the night: when feedback becomes training files, whose, and how much of it."""

from __future__ import annotations

from pathlib import Path

from bot.setting_types import Flag, Folder, People, Real, Section, Whole, setting


class LearningSettings(Section):
    """What is made every night of rated conversations, of people who agreed to it."""

    enabled: Flag = setting(
        True,
        "Whether training files are made every night. They stay on this machine and hold only what people with consent rated.",
        "Si cada noche se hacen ficheros de entrenamiento. Se quedan en esta máquina y solo llevan lo que valoró quien lo "
        "permitió.",
    )
    hour: Whole = setting(
        4,
        "Local hour from which they are made, for what was asked until then. Local to `store.timezone`.",
        "Hora local a partir de la que se hacen, con lo preguntado hasta entonces. Local de `store.timezone`.",
        unit="h",
        ge=0,
        le=23,
    )
    folder: Folder = setting(
        Path("training"),
        "Where they are put, a folder for each date; relative to the data folder.",
        "Dónde se ponen, una carpeta por fecha; relativa a la de datos.",
    )
    keep: Whole = setting(
        7,
        "How many dates are kept; older folders are erased.",
        "Cuántas fechas se guardan; las carpetas más viejas se borran.",
        unit="folders",
        ge=1,
        le=3650,
    )
    parquet: Flag = setting(
        False,
        "Whether each JSONL file is written as Parquet too; needs `pip install pyarrow`.",
        "Si cada fichero JSONL se escribe también como Parquet; necesita `pip install pyarrow`.",
    )
    trusted: People = setting(
        (),
        "People the owner vouches for, as numeric ids: a family or a small team is too few for the rules against fake "
        "accounts. Their consent counts all the same, and what they say is scrubbed.",
        "Personas por las que responde quien lo aloja, por id numérico: una familia o un equipo pequeño no bastan para las "
        "reglas contra cuentas falsas. Su permiso cuenta igual, y lo que dicen se limpia de datos.",
    )
    per_person: Whole = setting(
        25,
        "The most rows of one person in a night's files.",
        "Lo más que hay de una persona en los ficheros de una noche.",
        unit="rows",
        ge=1,
        le=100_000,
    )
    min_account_days: Whole = setting(
        7,
        "How long somebody has to be known before their ratings count.",
        "Cuánto hay que conocer a alguien para que cuenten sus valoraciones.",
        unit="days",
        ge=0,
        le=3650,
    )
    min_conversations: Whole = setting(
        5,
        "In how many conversations somebody must have talked before their ratings count.",
        "En cuántas conversaciones tiene que haber hablado alguien para que cuenten sus valoraciones.",
        unit="conversations",
        ge=0,
        le=10_000,
    )
    base_parameters: Whole = setting(
        1_500,
        "Size of the model that would be trained: the report on the files reckons its time and cost with it.",
        "Tamaño del modelo que se entrenaría: con él calcula el informe de los archivos el tiempo y el coste.",
        unit="million parameters",
        ge=1,
        le=1_000_000,
    )
    price_cpu: Real = setting(
        0.0,
        "Price of an hour on a rented machine without a GPU, in `models.currency`; 0 is a machine of your own.",
        "Precio de una hora en una máquina alquilada sin GPU, en `models.currency`; 0 es una máquina propia.",
        ge=0,
        le=1e6,
    )
    price_small_gpu: Real = setting(
        0.0,
        "The same with a GPU of 8 to 16 GB.",
        "Lo mismo con una GPU de 8 a 16 GB.",
        ge=0,
        le=1e6,
    )
    price_big_gpu: Real = setting(
        0.0,
        "The same with a GPU of 80 GB or more.",
        "Lo mismo con una GPU de 80 GB o más.",
        ge=0,
        le=1e6,
    )
