// A text area over a coloured copy of its text. Both grow with the text, so that only their frame
// scrolls.

import { coloured } from './lexer.js';

export class Editor {
  #area;
  #copy;
  #gutter;
  #tokensOf;
  #mistakes = [];
  tokens = [];

  // onChange() follows each change of the text but by load().
  constructor(frame, tokensOf, onChange) {
    this.#area = frame.querySelector('textarea');
    this.#copy = frame.querySelector('pre');
    this.#gutter = frame.querySelector('.gutter');
    this.#tokensOf = tokensOf;
    this.#area.addEventListener('input', () => {
      this.#mistakes = [];
      this.#paint();
      onChange();
    });
    this.#area.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey && !event.isComposing) this.#indent(event);
    });
    this.#paint();
  }

  get text() {
    return this.#area.value;
  }

  get cursor() {
    return this.#area.selectionStart;
  }

  load(text) {
    this.#area.value = text;
    this.#paint();
  }

  // As if typed, so that it can be undone.
  set(text) {
    this.#area.focus({ preventScroll: true });
    this.#area.select();
    this.#type(text);
  }

  append(text) {
    this.#area.focus({ preventScroll: true });
    const end = this.text.length;
    this.#area.setSelectionRange(end, end);
    this.#type(text);
    this.#area.scrollIntoView({ block: 'end' });
  }

  // Underlines what stands at these offsets until the text is changed.
  mark(offsets) {
    this.#mistakes = offsets;
    this.#paint();
  }

  set invalid(invalid) {
    this.#area.setAttribute('aria-invalid', String(invalid));
  }

  focus() {
    this.#area.focus();
  }

  moveTo(offset) {
    this.#area.focus();
    this.#area.setSelectionRange(offset, offset);
  }

  onCursor(handler) {
    for (const type of ['keyup', 'pointerup', 'focus']) this.#area.addEventListener(type, handler);
  }

  #type(text) {
    // Deprecated, but nothing else keeps the history of changes.
    if (!document.execCommand('insertText', false, text)) {
      this.#area.setRangeText(text, this.#area.selectionStart, this.#area.selectionEnd, 'end');
      this.#area.dispatchEvent(new Event('input'));
    }
  }

  #indent(event) {
    const before = this.text.slice(0, this.cursor);
    const line = before.slice(before.lastIndexOf('\n') + 1);
    const [spaces] = /^ */.exec(line);
    const deeper = /[{([]\s*$/.test(line) ? '  ' : '';
    if (!spaces && !deeper) return;
    event.preventDefault();
    this.#type(`\n${spaces}${deeper}`);
  }

  #paint() {
    this.tokens = this.#tokensOf(this.text);
    const spans = coloured(this.tokens);
    for (const offset of this.#mistakes) {
      const at = this.tokens.findLastIndex(({ start }) => start <= offset);
      if (offset < this.text.length && this.tokens[at]?.kind !== 'space') spans[at]?.classList.add('mistake');
    }
    // The last line needs something in it to have a height.
    this.#copy.replaceChildren(...spans, '\n');
    const lines = this.text.split('\n').length;
    if (this.#gutter) this.#gutter.textContent = Array.from({ length: lines }, (_, i) => i + 1).join('\n');
  }
}
