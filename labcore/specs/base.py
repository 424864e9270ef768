"""What every spec is: immutable, checked, named by dots, and the types that their fields share."""

import json
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from labcore.errors import UserError


class Spec(BaseModel):
    """Base of all specs: immutable, unknown names refused, help taken from the field docstrings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)

    @classmethod
    def of(cls, values: dict[str, Any] | None = None, **keywords: Any) -> Self:
        """Build a spec from dotted names (``{"dataset.name": "pets"}``), keywords, or both.

        Raises:
            UserError: a name is unknown or a value makes no sense; the sentence names the field.
        """
        nested: dict[str, Any] = {}
        defaults = {name: field.default for name, field in cls.model_fields.items() if isinstance(field.default, Spec)}
        for name, value in {**(values or {}), **keywords}.items():
            *path, leaf = name.split(".")
            node = nested
            for part in path:
                # dataset.limit alone must not swap this experiment's own data set for DatasetSpec's.
                own = defaults[part].model_dump() if node is nested and part in defaults else {}
                node = node.setdefault(part, own)
                if not isinstance(node, dict):
                    raise UserError(f"{name}: {part} is a single value and has no parts. Set {part} itself.")
            node[leaf] = value.model_dump() if isinstance(value, BaseModel) else value
        try:
            return cls.model_validate(nested)
        except ValidationError as error:
            raise UserError(_sentence(cls, error)) from None

    def but(self, **changes: Any) -> Self:
        """This spec with some fields changed, checked again; nested fields as ``dataset__name``."""
        flat = flatten(self) | {name.replace("__", "."): value for name, value in changes.items()}
        return type(self).of(flat)

    def canonical(self) -> str:
        """The spec as JSON with sorted keys and defaults written out: equal specs give equal text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def flatten(spec: Spec) -> dict[str, Any]:
    """A spec as ``{dotted name: value}``; lists of sub-specs stay whole."""
    flat: dict[str, Any] = {}
    for name in type(spec).model_fields:
        value = getattr(spec, name)
        if isinstance(value, Spec):
            flat |= {f"{name}.{inner}": deeper for inner, deeper in flatten(value).items()}
        else:
            flat[name] = value
    return flat


def changed(spec: Spec) -> dict[str, Any]:
    """The dotted names whose value is not the default: what a URL or a command line has to carry."""
    defaults = flatten(type(spec)())
    return {name: value for name, value in flatten(spec).items() if value != defaults[name]}


def _sentence(cls: type[Spec], error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or cls.__name__
    if first["type"] == "extra_forbidden":
        known = ", ".join(flatten(cls()))
        return f"{name} is no setting of this experiment. Choose among: {known}."
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if first["type"] == "value_error":
        return message
    return f"{name} = {first['input']!r}: {message}."


def _parse_size(value: Any) -> Any:
    """Accept 96, "96", "120x160" and [120, 160] (height, width)."""
    if isinstance(value, str):
        parts = value.lower().replace("×", "x").split("x")
        value = [int(part) for part in parts] if all(part.strip().isdigit() for part in parts) else value
        if isinstance(value, list) and len(value) == 1:
            return value[0]
    return value


Side = Annotated[int, Field(ge=16, le=2048)]
Size = Annotated[Side | tuple[Side, Side], BeforeValidator(_parse_size)]
"""A square's side, or (height, width), in pixels."""
Rate = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
SavedFile = Annotated[str, Field(pattern=r"^([a-z0-9]{8,40}/[A-Za-z0-9][A-Za-z0-9._-]{0,79})?$")]
"""Something that an earlier run has kept, as RUN/NAME; empty for nothing."""
