"""Widgets of a spec: each is explained by its field and lives in the URL under the very name that ``--set`` takes."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from labcore.specs import Spec, changed, flatten
from labcore.training import plans

ARCHS = (
    *("mobilenetv3_small_100", "mobilenetv3_small_050", "lcnet_050", "regnetx_002", "convnext_atto"),
    *("resnet10t", "resnet18", "resnet34", "resnet50"),
)
"""Bodies on offer, small ones first: a live lab on two cores is none for ResNets. Any other timm name can be typed."""
BATCH_SIZES = (8, 16, 32, 64, 128, 256)
IMAGE_SIZES = (48, 64, 96, 128, 160, 224)


def help_of(spec: type[Spec], name: str) -> str:
    """The sentence that documents a field, dotted names included."""
    *path, leaf = name.split(".")
    for part in path:
        spec = spec.model_fields[part].annotation
    return spec.model_fields[leaf].description or ""


def link(spec: Spec) -> dict[str, str | list[str]]:
    """The query parameters that reopen a page with this spec."""

    def text(name: str, value: Any) -> str | list[str]:
        if name == "plan":
            return plans.to_text(value)
        if name == "image_size" and not isinstance(value, int):
            return "x".join(map(str, value))
        return [str(one) for one in value] if isinstance(value, tuple) else str(value)

    return {name: text(name, value) for name, value in changed(spec).items()}


def seed(spec: Spec) -> None:
    """Set the widgets to a spec, before they are drawn."""
    said = changed(spec)
    for name, value in flatten(spec).items():
        if name in said or name in st.session_state:  # another page's field of this name came along
            st.session_state[name] = value


class Controls:
    """The widgets of one spec, and the spec that they say."""

    def __init__(self, spec: type[Spec]) -> None:
        self._type = spec
        self._defaults = flatten(spec())
        self._values: dict[str, Any] = {}

    def _common(self, name: str, **more: Any) -> dict[str, Any]:
        return {"key": name, "help": help_of(self._type, name), "bind": "query-params"} | more

    def choice(self, name: str, label: str, options: Sequence[Any], *, typed: bool = False, **more: Any) -> Any:
        """One of some values; with ``typed`` also any other that the person types."""
        default, now = self._defaults[name], st.session_state.get(name)
        known = list(options) if default in options else [default, *options]
        if now is not None and now not in known:
            if typed:
                known.append(now)
            else:  # another page has a field of this name with other choices, and its value came along
                del st.session_state[name]
        self._values[name] = st.selectbox(
            label, known, index=known.index(default), accept_new_options=typed, **self._common(name, **more)
        )
        return self._values[name]

    def switch(self, name: str, label: str, **more: Any) -> bool:
        """Yes or no."""
        self._values[name] = st.toggle(label, value=self._defaults[name], **self._common(name, **more))
        return self._values[name]

    def number(self, name: str, label: str, *, low: Any, high: Any, step: Any, **more: Any) -> Any:
        """A number within bounds."""
        self._values[name] = st.number_input(
            label, low, high, value=self._defaults[name], step=step, **self._common(name, **more)
        )
        return self._values[name]

    def text(self, name: str, label: str, **more: Any) -> str:
        """Free text, such as a folder."""
        self._values[name] = st.text_input(label, value=self._defaults[name], **self._common(name, **more))
        return self._values[name]

    def put(self, name: str, value: Any) -> None:
        """A value that no widget of its own shows."""
        self._values[name] = value

    def spec(self) -> Spec:
        """What the widgets say. Raises UserError where that makes no sense."""
        return self._type.of(self._values)
