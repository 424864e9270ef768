// Elements of the page, made and written.

function made(tag, name, parent) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  parent?.append(element);
  return element;
}

// Writing the same text again would still cost layout.
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
