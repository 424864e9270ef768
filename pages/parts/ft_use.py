"""Use the finished model: a picture in, five answers out, from the very file that leaves the lab."""

import streamlit as st

from labcore.errors import UserError
from labcore.evaluation.predict import SURE, Answer, Classifier
from labcore.figures import fine_tune as figures
from labcore.runs.artifacts import Artifacts, decode
from labcore.runs.store import Row
from pages.parts.chart import chart
from pages.parts.theme import palette
from pages.parts.upload import read_upload


@st.cache_resource(max_entries=4, show_spinner="Loading the export")
def _classifier(run: str, url: str) -> Classifier:
    files = Artifacts()
    return Classifier(files.read(run, "model.onnx"), decode("card.json", files.read(run, "card.json")))


def classifier_of(row: Row) -> Classifier:
    """The run's export, ready to answer; shared by all browsers. Raises UserError where it left none."""
    return _classifier(row.id, Artifacts().url)


def use_tab(row: Row) -> None:
    """Upload or camera; what softmax says, and what one sigmoid per class says."""
    classifier = classifier_of(row)
    st.markdown(
        "The answer comes from the **ONNX export**, run by onnxruntime in the web process: the file that you can "
        "download is the one that is used here."
    )
    left, right = st.columns([1, 2], gap="medium")
    with left:
        way = st.segmented_control("From", ("Upload", "Camera"), default="Upload", required=True, key="picture from")
        given = (
            st.file_uploader("Picture", type=["jpg", "jpeg", "png", "webp", "bmp", "gif"], key="picture")
            if way == "Upload"
            else st.camera_input("Picture", key="camera")
        )
    if given is None:
        right.info(
            "Give it a picture of one of its classes. Then give it something it has never heard of, a spoon or your "
            "hand, and see what it says.",
            icon=":material/add_a_photo:",
        )
        return
    try:
        picture = read_upload(given.getvalue(), given.name, classifier.size)
    except UserError as error:
        right.error(str(error), icon=":material/error:")
        return
    left.image(picture, caption="as the net sees it", width="stretch")
    with right:
        answer_view(classifier.answer(picture))


def answer_view(answer: Answer) -> None:
    """Both readings of one answer."""
    name, share = answer.top[0]
    st.markdown(f"### {name}, says softmax: {share:.0%}")
    chart(
        figures.answers_figure(
            [name for name, _ in answer.top], [share for _, share in answer.top], answer.alone, palette=palette()
        ),
        key="answers figure",
        config={"displayModeBar": False},
    )
    if answer.none_of_these:
        st.warning(
            f"**None of these**, says the sigmoid reading: no class reaches {SURE:.0%} by itself (the highest has "
            f"{answer.surest:.0%}). Softmax still shares out its 100 %: it always chooses.",
            icon=":material/block:",
        )
    else:
        st.success(
            f"By itself, too: the surest class has {answer.surest:.0%} without having to beat the others.",
            icon=":material/check:",
        )
    with st.popover("Why does it name an animal when I show it a spoon?"):
        st.markdown(
            "Softmax divides every score by the sum of all, so the shares add up to 100 % whatever the picture shows. "
            "It was never taught *none of these*. The second reading asks each class for itself, yes or no, with a "
            "sigmoid (fitted on the same features with binary cross-entropy, as for many labels), so all may say no. "
            "It is no proof: a spoon can still look like a class to it."
        )
