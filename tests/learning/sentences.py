"""What people write to a chatbot, with what they do by it, as a person would say: made by hand; the rules were fitted to it."""

from __future__ import annotations

from typing import Final

from learning.records import Language

INTENTS: Final[dict[Language, str]] = {
    "es": """
question | ¿Qué es la fotosíntesis?
question | ¿Cuántos planetas tiene el sistema solar?
question | por que el cielo es azul
question | ¿Cómo se calcula el área de un círculo?
question | donde nace el río Ebro
question | ¿Es verdad que los gatos ven en la oscuridad?
question | ¿Puedo congelar la tortilla de patatas?
question | Quiero saber cuándo se fundó Buenos Aires
question | ¿Me puedes decir qué significa "efímero"?
question | dime cuál es la capital de Mongolia
question | Cuánto tarda la luz del Sol en llegar a la Tierra
question | ¿Hay vida en otros planetas?
question | Tengo una duda: ¿el tomate es una fruta?
question | Mi hijo tiene fiebre desde ayer. ¿Cuándo hay que ir al médico?
question | no entiendo por qué sube la inflación
question | quién escribió Rayuela
question | ¿Conviene más alquilar o comprar?
question | Sabes si se puede viajar a Perú sin visado?
question | cual es la diferencia entre ser y estar
question | ¿A qué temperatura hierve el agua en La Paz?
question | oye y cuanto cuesta un abogado
request | Explícame la teoría de la relatividad
request | escribe un poema sobre el mar
request | Hazme un resumen de este capítulo
request | ¿Puedes corregir este texto?
request | ¿Podrías darme tres ejemplos de metáforas?
request | Tradúceme esta frase al inglés: me gusta el verano
request | Necesito un plan de estudio para dos semanas
request | Quiero que me expliques los logaritmos paso a paso
request | por favor, dame una receta de gazpacho
request | Ayúdame a preparar una entrevista de trabajo
request | dame más ejemplos
request | Ponme un ejercicio de fracciones
request | Enséñeme a hacer una división larga
request | contame un chiste corto
request | Me gustaría que compararas estos dos móviles
request | Resuelve 3x + 5 = 20
request | Hola, ¿me ayudas con la tarea de química?
request | haz una lista de verbos irregulares
request | Recomiéndame un libro de historia
request | Necesito ayuda con un correo para mi jefa
request | Corrígeme esta redacción, por favor
chat | Hola, ¿qué tal?
chat | Buenos días, Martín
chat | Muchas gracias, me ha servido mucho
chat | Hoy he tenido un día muy largo en el trabajo
chat | jajaja qué gracioso
chat | Me encanta el café por la mañana
chat | Mañana tengo un examen de biología y estoy nerviosa
chat | ¡Qué bueno!
chat | Vale, perfecto
chat | Ayer fuimos al cine con mis primos
chat | Soy profesora de música en un instituto
chat | Me gusta mucho leer novelas policíacas
chat | Buenas noches, hasta mañana
chat | Creo que la primavera es la estación más bonita
chat | Ah, ya lo entiendo, genial
complaint | Esto no funciona
complaint | Siempre me respondes lo mismo
complaint | No me sirve para nada lo que dices
complaint | Estoy harto de esperar una respuesta
complaint | ¡Qué lento eres!
complaint | Tus respuestas son demasiado largas
complaint | ¿Por qué nunca contestas lo que te pregunto?
complaint | Llevo una hora esperando y nadie me atiende
complaint | Me has cobrado dos veces el mismo pedido
complaint | Qué respuesta tan mala
complaint | No has entendido nada de lo que te pedí
complaint | El paquete llegó roto y nadie se hace cargo
complaint | Es una vergüenza que la aplicación falle cada día
correction | No, la capital de Australia es Canberra
correction | Eso no es correcto, fueron tres años
correction | Te equivocas: Cervantes nació en Alcalá
correction | En realidad son ocho planetas, no nueve
correction | Me refería a la banda, no al insecto
correction | Estás confundiendo el ácido con la base
correction | No es en 1945, es en 1939
correction | Quise decir Santiago de Chile
correction | Te has equivocado en el segundo paso
correction | Está mal, el resultado es 42
correction | Perdón, quería decir el río Paraná
correction | No te pregunté eso, te pregunté por el precio
correction | Falta una tilde en la segunda palabra
question | ¿Los delfines duermen?
question | cuantos años vive una tortuga
question | ¿Para qué se usa el bicarbonato?
question | no sé si puedo tomar ibuprofeno con alcohol
question | ¿Qué pasaría si la Luna desapareciera?
question | en que año empezo la segunda guerra mundial
question | ¿Es mejor estudiar de noche o de día?
question | Me gustaría saber más sobre los volcanes, ¿por dónde empiezo?
question | cómo quito una mancha de vino
question | Trabajo de noche y duermo mal, ¿es normal?
request | Enumera las causas de la Primera Guerra Mundial
request | ¿Podrías hacerme un horario semanal?
request | pasame este párrafo a un tono más formal
request | Quiero un menú vegetariano para cinco días
request | Inventa un cuento sobre un dragón tímido
request | Simplifica esta ecuación: 2x + 4x = 12
request | Indíqueme los pasos para renovar el pasaporte
request | me haces una lista de la compra
request | Busca sinónimos de la palabra alegre
request | Aconséjame un regalo para mi abuela
chat | El domingo cumplo treinta años
chat | Qué calor hace hoy
chat | Gracias, eres muy amable
chat | Mi perro se llama Toby y tiene tres años
chat | Uf, qué semana más larga
chat | A mí también me gusta el ajedrez
chat | nos vemos luego
complaint | Cada vez que pregunto algo me das una respuesta distinta
complaint | Esto es una pérdida de tiempo
complaint | La página lleva caída todo el día
complaint | Hablas demasiado
complaint | Pedí una cosa y me mandaron otra
complaint | Nunca aciertas con lo que necesito
correction | No son doce, son trece
correction | El autor no es Lorca, es Machado
correction | Te has olvidado del signo negativo
correction | No, yo hablaba del equipo de fútbol
correction | La fecha correcta es el 9 de julio
correction | Eso no es así, el agua sí conduce la electricidad
question | ¿Se puede vivir en Marte?
question | cuanto pesa un elefante
question | Mi coche hace un ruido raro al frenar, ¿qué puede ser?
question | quisiera saber cómo se declara la renta
question | los pulpos tienen tres corazones?
question | a qué hora sale el sol en junio
question | ¿Cuál fue la causa de la crisis de 1929?
question | que significa la palabra resiliencia
question | ¿Por qué no funcionan las pilas cuando hace frío?
question | ¿Tú qué opinas de la energía nuclear?
request | Muéstrame cómo hacer una tabla dinámica
request | Quiero aprender a tocar la guitarra, hazme un plan
request | Escriba una carta de presentación para un banco
request | podés armarme una rutina de ejercicios?
request | Ponle un título a este cuento
request | Cuéntame algo sobre los incas
request | Convierte 25 grados Celsius a Fahrenheit
request | necesito ideas para una fiesta sorpresa
request | Déjalo en tres párrafos
request | explica con tus palabras qué es un eclipse
chat | Me quedé sin batería justo en la reunión, qué risa
chat | La película me pareció preciosa
chat | jeje vale, lo probaré mañana
chat | Estoy aprendiendo a cocinar
chat | Vivo en Medellín con mi pareja
complaint | Tardas un montón en contestar
complaint | La factura está mal otra vez y nadie me da una solución
complaint | No me gusta cómo me hablas
complaint | Vaya pérdida de dinero esta suscripción
complaint | Me cansé de repetir siempre lo mismo
correction | Perdona, pero Quito no está en Perú
correction | Se escribe con hache
correction | No, quiero la receta sin horno
correction | El resultado debería ser 15
correction | Has puesto mal la fecha, fue en marzo
""",
    "en": """
question | What is photosynthesis?
question | How many planets are there in the solar system?
question | why is the sky blue
question | How do you work out the area of a circle?
question | where does the river Thames begin
question | Is it true that cats can see in the dark?
question | Can I freeze cooked rice?
question | I want to know when Buenos Aires was founded
question | Can you tell me what "ephemeral" means?
question | tell me which city is the capital of Mongolia
question | how long does sunlight take to reach the Earth
question | Is there life on other planets?
question | I have a question: is a tomato a fruit?
question | My son has had a fever since yesterday. When should we see a doctor?
question | I don't understand why inflation goes up
question | who wrote Moby Dick
question | Is renting better than buying?
question | Do you know if I need a visa for Peru?
question | whats the difference between affect and effect
question | At what temperature does water boil in Denver?
question | hey how much does a lawyer cost
request | Explain the theory of relativity to me
request | write a poem about the sea
request | Make me a summary of this chapter
request | Can you correct this text?
request | Could you give me three examples of metaphors?
request | Translate this sentence into Spanish: I like summer
request | I need a study plan for two weeks
request | I want you to explain logarithms step by step
request | please give me a recipe for lentil soup
request | Help me prepare for a job interview
request | give me more examples
request | Set me an exercise on fractions
request | Teach me how to do long division
request | tell me a short joke
request | I'd like you to compare these two phones
request | Solve 3x + 5 = 20
request | Hi, will you help me with my chemistry homework?
request | list the irregular verbs
request | Recommend me a history book
request | I need help with an email to my boss
request | Please proofread this essay
chat | Hi, how are you?
chat | Good morning, Martín
chat | Thank you so much, that was really useful
chat | I had a very long day at work today
chat | haha that's funny
chat | I love coffee in the morning
chat | I have a biology exam tomorrow and I'm nervous
chat | How nice!
chat | Okay, perfect
chat | Yesterday we went to the cinema with my cousins
chat | I'm a music teacher at a secondary school
chat | I really like reading crime novels
chat | Good night, see you tomorrow
chat | I think spring is the prettiest season
chat | Ah, now I get it, great
complaint | This doesn't work
complaint | You always give me the same answer
complaint | What you say is no use to me
complaint | I'm fed up with waiting for an answer
complaint | You are so slow!
complaint | Your answers are far too long
complaint | Why do you never answer what I ask?
complaint | I've been waiting for an hour and nobody helps me
complaint | You charged me twice for the same order
complaint | What a terrible answer
complaint | You didn't understand anything I asked for
complaint | The parcel arrived broken and nobody cares
complaint | It's a disgrace that the app crashes every day
correction | No, the capital of Australia is Canberra
correction | That's not correct, it was three years
correction | You're wrong: Cervantes was born in Alcalá
correction | Actually there are eight planets, not nine
correction | I meant the band, not the insect
correction | You are mixing up the acid and the base
correction | It's not 1945, it's 1939
correction | I was talking about Santiago in Chile
correction | You made a mistake in the second step
correction | That's wrong, the result is 42
correction | Sorry, I meant to say the Paraná river
correction | I didn't ask that, I asked about the price
correction | There's a comma missing after the second word
question | Do dolphins sleep?
question | how many years does a tortoise live
question | What is baking soda used for?
question | I don't know if I can take ibuprofen with alcohol
question | What would happen if the Moon disappeared?
question | in what year did the second world war start
question | Is it better to study at night or during the day?
question | I'd like to know more about volcanoes, where do I start?
question | how do i get rid of a wine stain
question | I work nights and sleep badly, is that normal?
request | List the causes of the First World War
request | Could you make me a weekly timetable?
request | put this paragraph into a more formal tone
request | I want a vegetarian menu for five days
request | Invent a story about a shy dragon
request | Simplify this equation: 2x + 4x = 12
request | Give me the steps to renew a passport
request | can you do a shopping list for me
request | Look up synonyms of the word happy
request | Suggest a present for my grandmother
chat | I turn thirty on Sunday
chat | It's so hot today
chat | Thanks, you are very kind
chat | My dog is called Toby and he is three
chat | Phew, what a long week
chat | I like chess too
chat | see you later
complaint | Every time I ask something you give me a different answer
complaint | This is a waste of time
complaint | The site has been down all day
complaint | You talk too much
complaint | I ordered one thing and they sent me another
complaint | You never get what I need
correction | It's not twelve, it's thirteen
correction | The author isn't Lorca, it's Machado
correction | You forgot the minus sign
correction | No, I was talking about the football team
correction | The correct date is the 9th of July
correction | That's not how it is, water does conduct electricity
question | Could people live on Mars?
question | how much does an elephant weigh
question | My car makes a strange noise when I brake, what could it be?
question | I'd like to know how to file my taxes
question | octopuses have three hearts?
question | at what time does the sun rise in June
question | What caused the crash of 1929?
question | meaning of the word resilience
question | Why don't batteries work when it's cold?
question | What do you think about nuclear energy?
request | Show me how to make a pivot table
request | I want to learn the guitar, make me a plan
request | Draft a cover letter for a bank
request | could you put together a workout routine?
request | Give this story a title
request | Tell me something about the Incas
request | Convert 25 degrees Celsius to Fahrenheit
request | need ideas for a surprise party
request | Cut it down to three paragraphs
request | explain in your own words what an eclipse is
chat | My battery died in the middle of the meeting, so funny
chat | I thought the film was beautiful
chat | lol ok, I'll try it tomorrow
chat | I'm learning to cook
chat | I live in Leeds with my partner
complaint | You take ages to answer
complaint | The bill is wrong again and nobody gives me a solution
complaint | I don't like how you talk to me
complaint | This subscription is such a waste of money
complaint | I'm tired of repeating the same thing
correction | Sorry, but Quito isn't in Peru
correction | It's spelled with an h
correction | No, I want the recipe without an oven
correction | The result should be 15
correction | You got the date wrong, it was in March
""",
}
"""`intent | sentence`, a line each."""

CONTEXT: Final[dict[Language, str]] = {
    "es": """
yes | ¿Y eso?
yes | ¿y por qué?
yes | ¿Por qué?
yes | dame otro ejemplo
yes | Explícalo mejor
yes | ¿Y en inglés?
yes | ¿Cómo lo hago?
yes | ¿Qué significa eso?
yes | más corto
yes | Continúa
yes | No, me refería al otro
yes | ¿Puedes repetirlo?
yes | ¿Y cuál de los dos es mejor?
yes | hazlo con más detalle
yes | ¿Qué quieres decir con lo anterior?
yes | No entiendo tu respuesta
yes | ¿Y si fuera al revés?
yes | resúmelo en una frase
yes | ¿Cuándo nació él?
yes | Traduce lo que has dicho
yes | ¿y la segunda?
yes | lo mismo pero con fracciones
no | ¿Qué es la fotosíntesis?
no | ¿Qué es la inflación y cómo se mide?
no | Escribe un poema sobre el mar
no | Tengo un archivo dañado, ¿cómo lo abro?
no | Traduce esto al inglés: me gusta el verano
no | ¿Es verdad que los gatos ven en la oscuridad?
no | Dame un ejemplo de metáfora
no | ¿Sabes lo que es un átomo?
no | Hola, ¿me ayudas con la tarea de química?
no | Mi hermana tiene fiebre. ¿Qué debe tomar ella?
no | ¿Por qué llueve más en el norte?
no | ¿Qué países tienen más de cien millones de habitantes?
no | Soy profesora de música en un instituto
no | ¿Cuál es la diferencia entre ser y estar?
no | Necesito un plan de estudio para dos semanas
no | Explícame la ley de Ohm y ponme otro ejercicio
no | ¿Cuánto cuesta mandar un paquete a Chile?
no | ¿Cómo se dice perro en francés?
no | Recomiéndame la segunda novela de Cortázar
no | La capital de Perú, ¿cuál es?
yes | ¿Y qué pasó después?
yes | ¿Me das un ejemplo de eso?
yes | dímelo en una sola línea
yes | ¿Por qué no?
yes | ¿Quién lo inventó?
yes | Ahora hazlo en portugués
yes | ¿Cuál es más barato?
yes | el primero
yes | cambia el final
yes | ¿Y en Chile?
no | ¿Quién inventó la bicicleta?
no | Dime tres ríos de África
no | ¿Por qué no flotan las piedras?
no | Compré una planta y se le caen las hojas, ¿qué hago con ella?
no | Resume esto: el perro ladra por la noche
no | ¿Cuál es el metal más barato?
no | Inventa un cuento sobre un dragón tímido
no | ¿Es lo mismo masa que peso?
no | Me gusta el ajedrez
no | ¿Y tú sabes cuándo empieza la primavera en Argentina?
yes | ¿Y eso por qué pasa?
yes | Explícamelo como si tuviera diez años
yes | ¿Cuánto cuesta eso?
yes | más despacio
yes | ¿Puedes darme la versión corta?
yes | ¿Ellos también votan?
yes | dame más detalles
yes | ¿Cuándo ocurrió?
no | ¿Cuánto cuesta un billete a Roma?
no | Explícame la gravedad como si tuviera diez años
no | ¿Los pingüinos también vuelan?
no | Dame más razones para reciclar papel
no | Corrige: la niña an comido pan
no | Mi jefe no me escucha, ¿cómo hablo con él?
no | ¿Qué es eso de la inflación?
no | ¿Cuándo ocurrió la Revolución francesa?
""",
    "en": """
yes | And that one?
yes | and why?
yes | Why?
yes | give me another example
yes | Explain it better
yes | And in Spanish?
yes | How do I do it?
yes | What does that mean?
yes | shorter
yes | Go on
yes | No, I meant the other one
yes | Can you repeat that?
yes | And which of the two is better?
yes | do it in more detail
yes | What do you mean by the above?
yes | I don't understand your answer
yes | What if it were the other way round?
yes | sum it up in one sentence
yes | When was he born?
yes | Translate what you said
yes | and the second?
yes | the same but with fractions
no | What is photosynthesis?
no | What is inflation and how is it measured?
no | Write a poem about the sea
no | I have a damaged file, how do I open it?
no | Translate this into Spanish: I like summer
no | Is it true that cats can see in the dark?
no | Give me an example of a metaphor
no | Do you know what an atom is?
no | Hi, will you help me with my chemistry homework?
no | My sister has a fever. What should she take?
no | Why does it rain more in the north?
no | Which countries have more than a hundred million people?
no | I'm a music teacher at a secondary school
no | What is the difference between affect and effect?
no | I need a study plan for two weeks
no | Explain Ohm's law and set me another exercise
no | How much does it cost to send a parcel to Chile?
no | How do you say dog in French?
no | Recommend the second novel by Jane Austen
no | The capital of Peru, what is it?
yes | And what happened next?
yes | Can you give me an example of that?
yes | tell me in one line only
yes | Why not?
yes | Who invented it?
yes | Now do it in Portuguese
yes | Which is cheaper?
yes | the first one
yes | change the ending
yes | And in Chile?
no | Who invented the bicycle?
no | Tell me three rivers in Africa
no | Why don't stones float?
no | I bought a plant and the leaves are falling off, what do I do with it?
no | Sum this up: the dog barks at night
no | Which metal is the cheapest?
no | Invent a story about a shy dragon
no | Is mass the same as weight?
no | I like chess
no | And do you know when spring begins in Argentina?
yes | Why does that happen?
yes | Explain it to me like I'm ten
yes | How much is it?
yes | more slowly
yes | Can you give me the short version?
yes | Do they vote too?
yes | give me more details
yes | When did it happen?
no | How much is a ticket to Rome?
no | Explain gravity like I'm ten
no | Can penguins fly too?
no | Give me more reasons to recycle paper
no | Correct: the girl have eaten bread
no | My boss doesn't listen to me, how do I talk to him?
no | What is inflation all about?
no | When did the French Revolution happen?
""",
}
"""`yes | sentence` where it cannot be understood without what came before it, `no | sentence` where it can."""


def pairs(lines: str) -> list[tuple[str, str]]:
    """(label, sentence) of each line."""
    return [
        (label.strip(), sentence.strip()) for label, _, sentence in (line.partition("|") for line in lines.strip().splitlines())
    ]
