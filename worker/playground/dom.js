// Elements are made here and nowhere else. Strings become text nodes, so nothing that a server says is
// ever read as HTML.

export function byId(id) {
  return document.getElementById(id);
}

// Properties are set on the element; `attributes` and `style` are objects of their own.
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  const { attributes = {}, style = {}, ...others } = properties;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  for (const [name, value] of Object.entries(style)) made.style.setProperty(name, value);
  Object.assign(made, others);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function button(label, onclick, properties = {}) {
  return element('button', { type: 'button', onclick, ...properties }, label);
}
