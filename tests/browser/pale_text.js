// All text on the page that is paler than WCAG's level AA allows: {where, colours and ratio: the words}. Grounds are
// those of the elements behind, opacities multiply; what is switched off or lies on a picture is left out.
() => {
  const parse = (text) => {
    const numbers = (text.match(/[\d.]+/g) || []).map(Number);
    const scale = text.startsWith("color(") ? 255 : 1;
    return [0, 1, 2].map((i) => numbers[i] * scale).concat(numbers[3] ?? 1);
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = (color) =>
    color
      .slice(0, 3)
      .map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
      .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const above = (element) => {
    const root = element.getRootNode();
    return element.parentElement || (root instanceof ShadowRoot ? root.host : null);
  };
  const OFF = ":disabled, [aria-disabled=true], [aria-hidden=true], [aria-pressed=false], [data-testid=stSliderThumbValue]";
  const found = {};

  const look = (words) => {
    const element = words.parentElement;
    if (!element || /^(STYLE|SCRIPT|OPTION|NOSCRIPT|TITLE)$/.test(element.tagName)) return;
    const range = document.createRange();
    range.selectNodeContents(words);
    const box = range.getBoundingClientRect();
    const style = getComputedStyle(element);
    if (box.width < 2 || box.height < 2 || style.visibility !== "visible") return;
    const grounds = [];
    let opacity = 1;
    for (let one = element; one; one = above(one)) {
      const own = getComputedStyle(one);
      if (one.matches(OFF) || own.backgroundImage !== "none") return;
      opacity *= Number(own.opacity);
      grounds.unshift(parse(own.backgroundColor));
      if (grounds[0][3] === 1) break;
    }
    const ground = grounds.reduce((under, top) => over(top, under), [255, 255, 255, 1]);
    const own = parse(element instanceof SVGElement ? style.fill : style.color);
    const ink = over([own[0], own[1], own[2], own[3] * opacity], ground);
    const [dark, bright] = [light(ink), light(ground)].sort((a, b) => a - b);
    const ratio = (bright + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (opacity < 0.02 || ratio >= (large ? 3 : 4.5)) return;
    const where = element.closest("[data-testid]")?.dataset.testid || element.className;
    const said = (color) => color.slice(0, 3).map(Math.round).join(",");
    found[`${where}: ${said(ink)} on ${said(ground)}, ${ratio.toFixed(2)}`] = words.textContent.trim().slice(0, 40);
  };

  const walk = (root) => {
    const all = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = all.nextNode(); node; node = all.nextNode()) {
      if (node.nodeType === Node.TEXT_NODE && node.textContent.trim()) look(node);
      else if (node.shadowRoot) walk(node.shadowRoot);
    }
  };
  walk(document.body);
  return found;
}
