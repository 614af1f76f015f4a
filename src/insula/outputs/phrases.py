"""The words of the report, in English and Russian (Chinese readers get English words around Chinese
labels). They say how someone *appears*; nobody here knows what anyone feels.
"""

from __future__ import annotations

from collections.abc import Sequence

from insula.core.space import Language, title

# The two most probable labels are named together when they lie closer than this.
CLOSE = 0.08
# Probability from which a label is what someone "mostly" appears: more than all others together.
MOSTLY = 0.5

_ADJECTIVES = {
    "anger": "angry",
    "disgust": "disgusted",
    "fear": "fearful",
    "happiness": "happy",
    "joy": "joyful",
    "sadness": "sad",
    "surprise": "surprised",
    "neutral": "neutral",
    "contempt": "contemptuous",
    "calm": "calm",
}

# key: (English, Russian)
_WORDS = {
    "report": ("Emotion report", "Отчёт об эмоциях"),
    "duration": ("duration", "длительность"),
    "video": ("video", "видео"),
    "audio": ("audio", "звук"),
    "text": ("text", "текст"),
    "person": ("Person", "Человек"),
    "mostly": ("appears mostly {0}", "внешне преобладает {0}"),
    "somewhat": ("appears somewhat {0}", "внешне заметнее всего {0}"),
    "fairly": ("appears fairly {0}", "внешне заметнее всего {0}"),
    "between": ("appears between {0} and {1}", "внешне {0} и {1} почти поровну"),
    "unseen": ("showed nothing to go by", "не дал материала для оценки"),
    "unsure": (
        "cannot be labelled with enough confidence",
        "уверенности не хватает, чтобы назвать эмоцию",
    ),
    "withheld": (
        "Not sure enough for a label: {0} of it.",
        "Без метки, так как уверенности мало: {0} из этого.",
    ),
    "axes": ("on the axes of valence and arousal", "по осям валентности и возбуждения"),
    "valence": ("Valence", "Валентность"),
    "arousal": ("Arousal", "Возбуждение"),
    "confidence": ("Confidence", "Уверенность"),
    "very unpleasant": ("unpleasant", "неприятное"),
    "unpleasant": ("slightly unpleasant", "скорее неприятное"),
    "even valence": ("neither pleasant nor unpleasant", "ни приятное, ни неприятное"),
    "pleasant": ("slightly pleasant", "скорее приятное"),
    "very pleasant": ("pleasant", "приятное"),
    "very calm": ("calm", "спокойное"),
    "calm": ("slightly calm", "скорее спокойное"),
    "even arousal": ("neither calm nor excited", "ни спокойное, ни возбуждённое"),
    "excited": ("slightly excited", "скорее возбуждённое"),
    "very excited": ("excited", "возбуждённое"),
    "low": ("low", "низкая"),
    "moderate": ("moderate", "средняя"),
    "high": ("high", "высокая"),
    "odds": (
        "On test samples paired by label, about {0} of ten such answers named the right label. "
        "Expect fewer on real recordings.",
        "На тестовых примерах, подобранных по меткам, из десяти таких ответов верны примерно {0}. "
        "На живых записях ждите меньше.",
    ),
    "over time": ("Over time", "Во времени"),
    "lanes": (
        "Colour and word: the most probable emotion at each moment. Paler is less sure; "
        "hatched is unseen or unheard. Where rows differ, the channels disagree.",
        "Цвет и слово: самая вероятная эмоция в каждый момент. Бледнее значит менее уверенно; "
        "штриховка: ничего не видно и не слышно. Где строки различаются, каналы расходятся.",
    ),
    "lanes unsure": (
        "“?” is not sure enough for a label.",
        "«?»: уверенности мало, метки нет.",
    ),
    "together": ("together", "вместе"),
    "face": ("face", "лицо"),
    "voice": ("voice", "голос"),
    "words": ("words", "слова"),
    "sounds": ("sounds", "звуки"),
    # The classes of the bundled weights for sounds.
    "curves": ("In detail", "Подробно"),
    "averaged": ("Each point is the mean of {0} s.", "Каждая точка: среднее за {0} с."),
    "drag": (
        "Drag across the curves to zoom in, double-click to zoom out.",
        "Выделите участок кривых, чтобы приблизить; двойной щелчок вернёт всё.",
    ),
    "probability": ("How probable each emotion is", "Вероятность каждой эмоции"),
    "confidence row": ("Confidence", "Уверенность"),
    "affect row": ("Valence (solid) and arousal (dotted)", "Валентность и возбуждение (пунктир)"),
    "parts row": ("Weight of each channel", "Вес каждого канала"),
    "plane": ("Path through valence and arousal", "Путь по валентности и возбуждению"),
    "place": ("Place on valence and arousal", "Место на осях валентности и возбуждения"),
    "basis": ("Where these numbers come from", "Откуда эти числа"),
    "pleasant axis": ("unpleasant → pleasant", "неприятное → приятное"),
    "excited axis": ("calm → excited", "спокойное → возбуждённое"),
    "start": ("start", "начало"),
    "end": ("end", "конец"),
    "contributions": ("What each channel contributed", "Вклад каждого канала"),
    "channel": ("Channel", "Канал"),
    "asked": ("Asked for, of the words alone", "По запросу, только по словам"),
    "asked how": (
        "Each sentence compared with a description of each emotion asked for: shares of these "
        "only, not learnt from examples and not calibrated.",
        "Каждая фраза сравнена с описанием каждой названной эмоции: доли только среди них, "
        "без обучения на примерах и без калибровки.",
    ),
    "alone": ("Alone it says", "Сам по себе"),
    "weight": ("Weight", "Вес"),
    "evidence": ("Quality", "Качество"),
    "without": ("Without it", "Без него"),
    "fall": ("{0} would fall by {1} points", "{0}: на {1} п.п. ниже"),
    "rise": ("{0} would rise by {1} points", "{0}: на {1} п.п. выше"),
    "fall by one": ("{0} would fall by 1 point", "{0}: на 1 п.п. ниже"),
    "rise by one": ("{0} would rise by 1 point", "{0}: на 1 п.п. выше"),
    "same": ("the answer would stay the same", "ответ не изменился бы"),
    "instead": (" and {0} would come first", ", первым стало бы: {0}"),
    "only": ("there would be no answer", "ответа бы не было"),
    "sure": ("How sure, and why", "Насколько это надёжно и почему"),
    "lead": (
        "Built from {0}. There is evidence for {1} of the recording.",
        "Складывается из: {0}. Материал есть для {1} записи.",
    ),
    "mixed": (
        "The expression is mixed: the top label holds {0}.",
        "Выражение смешанное: у первой метки {0}.",
    ),
    "clear": ("One label stands out with {0}.", "Одна метка выделяется: {0}."),
    "best": (
        "The best evidence comes from: {0} (quality {1}).",
        "Лучший материал: {0} (качество {1}).",
    ),
    "worst": ("The weakest: {0} (quality {1}).", "Самый слабый: {0} (качество {1})."),
    "alone channel": (
        "Only one channel spoke ({0}), so nothing confirms it.",
        "Говорит только один канал ({0}), подтвердить его нечем.",
    ),
    "agree": (
        "Over the whole recording the channels agree on the most probable label.",
        "По записи в целом каналы сходятся в самой вероятной метке.",
    ),
    "disagree": (
        "Over the whole recording the channels disagree: {0}.",
        "По записи в целом каналы расходятся: {0}.",
    ),
    "moment": (
        "There is one moment only, so there is no course over time.",
        "Есть только один момент, поэтому хода во времени нет.",
    ),
    "lead of one": ("Built from {0}.", "Складывается из: {0}."),
    "transcript": ("What was said", "Что было сказано"),
    "transcript line": (
        "Coloured by how the speaker appears at that time, all channels together.",
        "Цвет: как говорящий выглядит в это время, все каналы вместе.",
    ),
    "heard": ("What was heard", "Что было слышно"),
    "channels": ("Channels", "Каналы"),
    "ran": ("ran", "работал"),
    "did not run": ("did not run", "не работал"),
    "nothing found": ("found nothing", "ничего не нашёл"),
    "quality": ("quality {0}", "качество {0}"),
    "notes": ("Worth knowing", "Стоит знать"),
    "provenance": ("How this was made", "Как это получено"),
    "version": ("insula version", "версия insula"),
    "weights": ("Weights and their hashes", "Веса и их хеши"),
    "configuration": ("Configuration", "Конфигурация"),
    "empty": (
        "Nothing was seen or heard that an emotion could be read from.",
        "Не видно и не слышно ничего, по чему можно судить об эмоциях.",
    ),
    "reading": (
        "A text has no clock: times below are reading times.",
        "У текста нет часов: ниже показано время чтения.",
    ),
    "no script": (
        "The curves need JavaScript; everything else is here.",
        "Для кривых нужен JavaScript; всё остальное показано.",
    ),
    "old browser": (
        "This browser is too old to unpack the curves; everything else is here.",
        "Браузер слишком старый, чтобы распаковать кривые; всё остальное показано.",
    ),
    "responsible": ("Responsible use", "Ответственное применение"),
    "footer": (
        "Made on this machine by insula {0}; nothing was sent anywhere.",
        "Сделано на этом компьютере программой insula {0}; ничего никуда не отправлено.",
    ),
}

_RESPONSIBLE = {
    "en": (
        "This report says how someone <em>appears</em> in a recording, not what they feel. People "
        "hide, play and mix emotions, and the same face means different things in different "
        "people, cultures and situations.",
        "The systems behind it err, and err more in poor light, noise, side views, unusual voices "
        "and for groups that training data holds little of. Read the confidence, and look at the "
        "recording before you conclude anything.",
        "Do not decide about a person by it: not on work, school, credit, asylum, diagnosis or "
        "guilt. In the European Union emotion recognition from faces and voices at work and in "
        "education is banned (medical and safety purposes excepted), and elsewhere the people "
        "exposed must be told. Take legal advice.",
        "Record and analyse people with their consent; leave bystanders out; delete what you no "
        "longer need. This file holds what was said: keep it as carefully as the recording.",
    ),
    "ru": (
        "Отчёт говорит, как человек <em>выглядит</em> и звучит в записи, а не что он чувствует. "
        "Люди скрывают, изображают и смешивают эмоции; одно и то же лицо значит разное у разных "
        "людей, в разных культурах и ситуациях.",
        "Такие системы ошибаются, и чаще при плохом свете, шуме, в профиль, на необычных голосах и "
        "для групп, которых мало в обучающих данных. Смотрите на уверенность и на саму запись, "
        "прежде чем делать выводы.",
        "Не принимайте по нему решений о человеке: ни о работе, ни об учёбе, кредите, убежище, "
        "диагнозе или вине. В Европейском союзе распознавание эмоций по лицу и голосу на работе и "
        "в образовании запрещено (кроме медицины и безопасности), в остальных случаях людей нужно "
        "предупреждать. Посоветуйтесь с юристом.",
        "Снимайте и анализируйте людей с их согласия, не трогайте случайных прохожих, удаляйте "
        "ненужное. В этом файле есть сказанное: храните его так же бережно, как запись.",
    ),
}


def word(key: str, language: Language, *values: object) -> str:
    """The words called `key`, with values filled in; a label by its title, others as they are."""
    found = _WORDS.get(key)
    return (
        title(key, language)
        if found is None
        else found[1 if language == "ru" else 0].format(*values)
    )


def responsible(language: Language) -> tuple[str, ...]:
    """Short paragraphs (HTML) on responsible use."""
    return _RESPONSIBLE["ru" if language == "ru" else "en"]


def percent(share: float) -> str:
    """62 %, with a space that does not break."""
    return f"{share * 100:.0f}\u00a0%"


def signed(value: float) -> str:
    """+0.31 or −0.20, with a real minus; what rounds to nothing has no sign."""
    text = f"{value:+.2f}".replace("-", "−")
    return "0.00" if text in ("+0.00", "−0.00") else text


def clock(seconds: float) -> str:
    """0:05, 12:40, 1:02:03."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def person_name(person: str, language: Language) -> str:
    """ "Person 1" for "person-1"; a name stays as it is."""
    head, _, number = person.rpartition("-")
    return f"{word('person', language)} {number}" if head == "person" else person


def headline(top: Sequence[tuple[str, float]], language: Language, *, unsure: bool = False) -> str:
    """How someone appears, from labels with probabilities, highest first.

    top: [] where there is no answer: since nothing was seen or, if `unsure`, since none is sure.
    """
    if not top:
        return word("unsure" if unsure else "unseen", language)

    def name(label: str) -> str:
        return _ADJECTIVES.get(label, label) if language != "ru" else title(label, "ru")

    (first, share), (second, next_share) = top[0], top[1] if len(top) > 1 else ("", 0.0)
    if share >= MOSTLY:
        return word("mostly", language, name(first))
    if share - next_share < CLOSE and second:
        return word("between", language, name(first), name(second))
    return word("fairly" if first == "neutral" else "somewhat", language, name(first))


def level(confidence: float) -> str:
    """The key of the word for a confidence: thirds of what seven labels make possible."""
    return "low" if confidence < 0.33 else "moderate" if confidence < 0.66 else "high"


def affect_word(axis: str, value: float) -> str:
    """The key of the words for a place on the axis of valence or arousal."""
    low, high = ("unpleasant", "pleasant") if axis == "valence" else ("calm", "excited")
    if abs(value) < 0.1:
        return f"even {axis}"
    end = high if value > 0 else low
    return f"very {end}" if abs(value) >= 0.4 else end
