// Everything on the page that can be reached by keyboard or shows a picture, and has no name for a screen reader.
() => {
  const FOCUSABLE = 'button, a[href], input:not([type=hidden]), select, textarea, [tabindex="0"], [role=slider]';
  const found = [];
  const visible = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && getComputedStyle(element).visibility === "visible";
  };
  const named = (element) => {
    const ids = (element.getAttribute("aria-labelledby") || "").split(/\s+/).filter(Boolean);
    const texts = [
      element.getAttribute("aria-label"),
      ...ids.map((id) => (element.getRootNode().getElementById?.(id) || document.getElementById(id))?.textContent),
      ...[...(element.labels || [])].map((label) => label.textContent),
      element.closest("label")?.textContent,
      element.textContent,
      element.title,
      element.getAttribute("placeholder"),
      element.querySelector("img[alt]")?.alt,
    ];
    return texts.some((text) => text?.trim());
  };
  const walk = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) walk(element.shadowRoot);
      if (!visible(element) || element.closest('[aria-hidden=true], [data-testid="stDataFrame"]')) continue;
      const picture = element.tagName === "IMG" && (!element.hasAttribute("alt") || /^\d+$/.test(element.alt));
      const drawing = element.tagName === "CANVAS" && !element.closest("[aria-label]");
      const plot = element.matches(".js-plotly-plot") && !element.closest("[aria-label], [aria-labelledby]");
      if (picture || drawing || plot || (element.matches(FOCUSABLE) && !named(element))) {
        found.push(`${element.tagName} ${element.className} in ${element.closest("[data-testid]")?.dataset.testid}`);
      }
    }
  };
  walk(document.body);
  return found;
}
