/** Where a text stops being JSON (RFC 8259). */
export interface JsonErrorPlace {
  /** In UTF-16 units from the start; the text's length when it ends too early. */
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

/**
 * Finds the first character at which `text` is no JSON; undefined when it is. For error messages:
 * `JSON.parse` names the place only sometimes, and in each version of V8 differently.
 */
export function locateJsonError(text: string): JsonErrorPlace | undefined {
  const offset = new JsonScanner(text).scan();
  if (offset === undefined) return undefined;
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { offset, line: before.split('\n').length, column: offset - lineStart + 1 };
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const WORDS = ['true', 'false', 'null'];

/** What may come next: a value, a value or the end of its array, a member name, … */
type Expected = 'value' | 'item-or-end' | 'name' | 'name-or-end' | 'colon' | 'comma-or-end';

/** Walks tokens with its own stack, so that nesting costs no call depth. */
class JsonScanner {
  readonly #text: string;
  readonly #open: ('{' | '[')[] = [];
  #offset = 0;
  #expected: Expected = 'value';

  constructor(text: string) {
    this.#text = text;
  }

  scan(): number | undefined {
    for (;;) {
      this.#offset += this.#length(SPACE);
      if (this.#expected === 'comma-or-end' && this.#open.length === 0) {
        return this.#offset === this.#text.length ? undefined : this.#offset;
      }
      if (!this.#step(this.#text[this.#offset])) return this.#offset;
    }
  }

  #step(next: string | undefined): boolean {
    switch (this.#expected) {
      case 'value':
        return this.#value(next);
      case 'item-or-end':
        return this.#close(next) || this.#value(next);
      case 'name':
        return this.#name(next);
      case 'name-or-end':
        return this.#close(next) || this.#name(next);
      case 'colon':
        return next === ':' && this.#advance(1, 'value');
      case 'comma-or-end':
        if (next !== ',') return this.#close(next);
        return this.#advance(1, this.#open.at(-1) === '{' ? 'name' : 'value');
    }
  }

  #close(next: string | undefined): boolean {
    if (next !== (this.#open.at(-1) === '{' ? '}' : ']')) return false;
    this.#open.pop();
    return this.#advance(1, 'comma-or-end');
  }

  #name(next: string | undefined): boolean {
    return next === '"' && this.#string('colon');
  }

  #value(next: string | undefined): boolean {
    if (next === '{' || next === '[') {
      this.#open.push(next);
      return this.#advance(1, next === '{' ? 'name-or-end' : 'item-or-end');
    }
    if (next === '"') return this.#string('comma-or-end');
    const word = WORDS.find((each) => this.#text.startsWith(each, this.#offset));
    const length = word?.length ?? this.#length(NUMBER);
    if (length > 0) return this.#advance(length, 'comma-or-end');
    if (next === '-') this.#offset += 1;
    return false;
  }

  /** At an opening quote. A bad character inside leaves the offset on itself. */
  #string(then: Expected): boolean {
    for (this.#offset += 1; this.#offset < this.#text.length;) {
      const next = this.#text.charCodeAt(this.#offset);
      if (next === 0x22) return this.#advance(1, then);
      if (next < 0x20) return false;
      const length = next === 0x5c ? this.#length(ESCAPE) : 1;
      if (length === 0) return false;
      this.#offset += length;
    }
    return false;
  }

  #advance(by: number, expected: Expected): true {
    this.#offset += by;
    this.#expected = expected;
    return true;
  }

  #length(pattern: RegExp): number {
    pattern.lastIndex = this.#offset;
    return pattern.exec(this.#text)?.[0].length ?? 0;
  }
}
