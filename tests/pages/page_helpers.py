"""What tests ask of a page."""

from streamlit.testing.v1 import AppTest


def texts(app: AppTest) -> str:
    """All prose of a page."""
    parts = [*app.markdown, *app.caption, *app.title, *app.header, *app.subheader, *app.info, *app.warning, *app.error]
    return "\n".join(str(part.value) for part in [*parts, *app.success])


def labels(app: AppTest) -> list[str]:
    """What the buttons of a page say."""
    return [one.label for one in app.button]


def button(app: AppTest, label: str):
    """The button that says this."""
    return next(one for one in app.button if one.label == label)
