"""The data block in a real browser: pictures are seen, questions answer, own data is uploaded."""

SECONDS = 60_000


def test_upload_leaf_turn_the_questions_and_share_the_link(visit, packed, lab):
    page = visit("/data_block?dataset.name=own")
    page.get_by_text("at most 200 MB").wait_for(timeout=SECONDS)
    page.locator("input[type=file]").set_input_files(str(packed))
    page.get_by_text("16 items").wait_for(timeout=SECONDS)
    seen = "() => [...document.querySelectorAll('.shelf img')].filter(one => one.naturalWidth > 0).length"
    page.wait_for_function(f"{seen.replace('() => ', '() => (')}) === 12", timeout=SECONDS)

    page.get_by_role("radio", name="Transforms").or_(page.get_by_role("button", name="Transforms")).first.click()
    page.get_by_text("Anew each time: the picture varies").wait_for(timeout=SECONDS)
    page.wait_for_function(f"{seen.replace('() => ', '() => (')}) === 13", timeout=SECONDS)
    page.wait_for_url("**/data_block?*step=Transforms*", timeout=SECONDS)
    assert str(lab.home) not in page.url

    other = visit(page.url.removeprefix(lab.url))
    other.get_by_text("Anew each time: the picture varies").wait_for(timeout=SECONDS)
    for tab in (page, other):
        assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_set_is_drawn_while_one_looks(visit, lab):
    page = visit("/data_block?dataset.name=ratings&step=Split")
    page.get_by_text("29,103 teach, 7,275 examine").wait_for(timeout=3 * SECONDS)
    page.locator(".js-plotly-plot").first.wait_for(timeout=SECONDS)
    assert (lab.home / "data" / "ratings" / "meta.json").exists()
