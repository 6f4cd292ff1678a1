"""JSON Schema (draft 2020-12) of a spec, for editors: completion, types, and what each key takes.

It knows the built-ins and Keras's names. It says less than a plan does: what stands inside an axis, or an alternative
of a value, is not looked at, and what depends on the data or on one's own code cannot be.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import language
from .axes import FORMS
from .installed import generated
from .language import Key
from .metric_names import LIMITS
from .modules import Folders
from .parameters import Default, Parameter, Parameters, from_entry
from .signatures import names_of, signature_of
from .types import Type

Json = dict[str, Any]

ANYTHING: Json = {}
AXIS: Json = {"$ref": "#/$defs/axis"}
VARIED: Json = {"$ref": "#/$defs/varied"}  # an axis, or alternatives
MERGED: Json = {"one_of": {"type": "array", "minItems": 1}}  # beside other keys
OWN_NAME: Json = {"type": "string", "pattern": r"^[^\s:]+:[A-Za-z_]\w*$"}
# What a path or a pattern of `exclude` is compared with.
COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le", "in", "exists")


def schema() -> Json:
    """The schema of a whole spec."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Blueno spec, version 1",
        "type": "object",
        "required": ["version", "name", "objective"],
        "properties": {**_words(), **_sections(), "one_of": _list_of(_ref("arm"))},
        "additionalProperties": False,
        "$defs": {
            "axis": _axis(),
            "varied": either(AXIS, _closed(MERGED, required=["one_of"])),
            "data": _closed(
                {**_keys(language.COLUMNS), "source": either(_ref("source"), AXIS), "split": _split(), **MERGED}
            ),
            **{role: _named(role) for role in ("source", "step", "layer", "optimizer", "schedule", "loss")},
            "model": _model(),
            "train": _train(),
            "arm": _closed({**_sections(), "as": {"type": "string"}, "one_of": _list_of(_ref("arm"))}),
        },
    }


def either(*schemas: Json) -> Json:
    """Any of several schemas."""
    return {"anyOf": list(schemas)}


def type_schema(type: Type) -> Json:
    """A type of `types`; inside lists and mappings each item may be varied too."""
    if type.kind == "union":
        return either(*map(type_schema, type.items))
    if type.kind == "literal":
        return {"enum": list(type.values)}
    if type.kind == "tuple":
        return {"type": "array", "prefixItems": [_or_varied(each) for each in type.items], "items": False}
    if type.kind == "list":
        return _list_of(_or_varied(type.items[0]))
    if type.kind == "mapping":
        return {"type": "object", "additionalProperties": _or_varied(type.items[0])}
    return {**_KINDS[type.kind], **_limits(type)}


_KINDS: dict[str, Json] = {
    "any": {},
    "null": {"type": "null"},
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "str": {"type": "string"},
    "file": {"type": "string"},
    "files": {"type": "string"},
    "code": OWN_NAME,
}
_LIMITS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def _limits(type: Type) -> Json:
    return {word: getattr(type, field) for field, word in _LIMITS.items() if getattr(type, field) is not None}


def _or_varied(type: Type) -> Json:
    return either(type_schema(type), VARIED) if type.kind != "any" else ANYTHING


def _list_of(item: Json) -> Json:
    return {"type": "array", "items": item}


def _closed(properties: Json, **more: Any) -> Json:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def _axis() -> Json:
    """An axis, or what else stands in place of a value: a reference, a file, a literal mapping."""
    three = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
    two = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    shapes: Json = {form: two if "uniform" in form else three for form in FORMS}
    shapes["grid"] = {"type": "array", "minItems": 1}
    shapes |= {"ref": {"type": "string"}, "file": {"type": "string"}, "value": {"type": "object"}}
    return either(*(_closed({name: each}, required=[name]) for name, each in shapes.items()))


def _keys(keys: Mapping[str, Key]) -> Json:
    return {name: _or_varied(key.type) for name, key in keys.items()}


def _mapping_of(keys: Mapping[str, Key]) -> Json:
    return either(_closed({**_keys(keys), **MERGED}), {"type": "null"}, VARIED)


def _known(role: str) -> dict[str, Parameters]:
    """The short names of a role with what they take; Keras's as generated, whatever version is installed."""
    keras = generated().names.get(role, {})
    known = {name: from_entry(generated().references[reference]) for name, reference in keras.items()}
    for name in names_of(role):
        if name not in keras:
            signature = signature_of(role, name, Folders(Path(), Path()))
            known[name] = Parameters(tuple(signature.parameters.values()), signature.open)
    return known


def _parameters(parameters: Parameters, more: Json) -> Json:
    """What stands below a name: its parameters, or nothing."""
    properties = {each.name: _parameter(each) for each in parameters.listed}
    mapping = {"type": "object", "properties": {**properties, **more, **MERGED}}
    return either(mapping if parameters.open else {**mapping, "additionalProperties": False}, {"type": "null"})


def _parameter(parameter: Parameter) -> Json:
    default = {} if isinstance(parameter.default, Default) else {"default": parameter.default}
    return {**_or_varied(parameter.type), **default}


def _named(role: str) -> Json:
    """A name, or {name: parameters}, in a role; of one's own too. A source may take its first parameter alone."""
    text = {"type": "string"}
    more = {"columns": either(text, _list_of(text))} if role == "step" else {}
    known = {name: _parameters(parameters, more) for name, parameters in _known(role).items()}
    if role == "source":
        first = {name: parameters.listed[0] for name, parameters in _known(role).items() if parameters.listed}
        known = {name: either(each, _or_varied(first[name].type)) for name, each in known.items()}
    names = sorted(known)
    mapping = {
        "type": "object",
        "properties": {**known, "as": text, "one_of": _list_of(either(_ref(role), _list_of(_ref(role))))},
        "propertyNames": either({"enum": [*names, "as", "one_of"]}, OWN_NAME),
    }
    return either({"enum": [*names, "none"]}, OWN_NAME, mapping)


def _ref(definition: str) -> Json:
    return {"$ref": f"#/$defs/{definition}"}


def _data() -> Json:
    return _closed({**_keys(language.COLUMNS), "source": either(_ref("source"), AXIS), "split": _split(), **MERGED})


def _split() -> Json:
    kinds = (language.SHARES, language.FOLDS, language.TIME, language.COLUMN)
    shapes = [_closed({**_keys(keys), **MERGED}, required=_required(keys)) for keys in kinds]
    return either(*shapes, VARIED)


def _required(keys: Mapping[str, Key]) -> list[str]:
    return [name for name, key in keys.items() if key.default is language.REQUIRED]


def _model() -> Json:
    """Its other keys are the parameters of what it names; those of our own architectures are known."""
    text = {"type": "string"}
    properties: Json = {kind: either(OWN_NAME, VARIED) for kind in language.MODEL_KINDS}
    properties["architecture"] = either({"enum": names_of("architecture")}, OWN_NAME, VARIED)
    properties |= {"command": text, "as": text, "params": {"type": "object"}, "uses": either(text, _list_of(text))}
    properties["one_of"] = _list_of(_ref("model"))
    known = [_if(name, parameters) for name, parameters in _known("architecture").items()]
    return {"type": "object", "properties": properties, "allOf": known}


def _if(architecture: str, parameters: Parameters) -> Json:
    """The parameters of an architecture, where the model is that one."""
    condition = {"properties": {"architecture": {"const": architecture}}, "required": ["architecture"]}
    return {"if": condition, "then": {"properties": {each.name: _parameter(each) for each in parameters.listed}}}


def _train() -> Json:
    number = {"type": "number", "exclusiveMinimum": 0}
    cosine = _closed({"cosine": _mapping_of(language.COSINE)}, required=["cosine"])
    properties = _keys(language.TRAIN) | {
        "optimizer": either(_ref("optimizer"), AXIS),
        "learning_rate": either(number, cosine, _ref("schedule"), VARIED),
        "loss": either(_ref("loss"), AXIS, {"type": "null"}),
        "early_stopping": _mapping_of(language.EARLY_STOPPING),
        "reduce_on_plateau": _mapping_of(language.REDUCE_ON_PLATEAU),
        "select": either({"const": "last"}, _closed({"best": {"type": "string"}}), {"type": "null"}, VARIED),
        **MERGED,
    }
    return _closed({name: either(each, {"const": "none"}) for name, each in properties.items()})


def _sections() -> Json:
    """What an arm holds too."""
    return {
        "data": _ref("data"),
        "preprocess": _list_of(either(_ref("step"), AXIS)),
        "augment": _list_of(either(_ref("layer"), AXIS)),
        "model": _ref("model"),
        "train": _ref("train"),
    }


def _words() -> Json:
    """The keys that say what is wanted and not what is computed."""
    text = {"type": "string"}
    comparison = either(*({"type": each} for each in ("null", "boolean", "number", "string", "array")), _comparison())
    objective = _closed({"maximize": text, "minimize": text}, minProperties=1, maxProperties=1)
    kept = {"type": "string", "pattern": "^(all|none|best [1-9][0-9]*)$"}
    return {
        "version": {"const": 1},
        "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
        "tags": either(text, _list_of(text), {"type": "object"}),
        "notes": text,
        "objective": either(objective, {**_list_of(objective), "minItems": 2}),
        "where": {"type": "object", "additionalProperties": _closed({key: {"type": "number"} for key in LIMITS})},
        "metrics": _list_of(either(text, {"type": "object"})),
        "seeds": either({"type": "integer", "minimum": 1}, _list_of({"type": "integer", "minimum": 0})),
        "zip": _list_of(_list_of(text)),
        "exclude": _list_of({"type": "object", "additionalProperties": comparison}),
        "baseline": {"type": "object"},
        "search": _method(["grid", *generated().names["sampler"]], _SEARCH),
        "prune": _method(list(generated().names["pruner"]), _PRUNE),
        "resources": _closed({key: either({"type": "number"}, text) for key in language.RESOURCES}),
        "keep": _closed(dict.fromkeys(language.KEEP, kept)),
    }


_COUNT: Json = {"type": "integer", "minimum": 0}
_POSITIVE: Json = {"type": "integer", "minimum": 1}
_SEARCH: Json = {
    "configs": _POSITIVE, "seed": _COUNT, "startup": _COUNT, "warm_start": {"type": "boolean"},
    "first": {"type": "array", "items": {"type": "object"}},
}  # fmt: skip
_PRUNE: Json = {
    "after": _POSITIVE, "epochs": _POSITIVE, "interval": _POSITIVE, "startup": _COUNT,
    "factor": {"type": "integer", "minimum": 2}, "of": {"type": "object", "required": ["method"]},
}  # fmt: skip


def _method(names: list[str], properties: Json) -> Json:
    """A method by its name with the language's own keys; others are parameters of Optuna's."""
    return {"type": "object", "required": ["method"], "properties": {"method": {"enum": names}, **properties}}


def _comparison() -> Json:
    return _closed(dict.fromkeys([*COMPARISONS, "ref"], ANYTHING), minProperties=1)
