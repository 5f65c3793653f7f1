// Answers: which texts stand in a flat JSON object. AssemblyScript has no JSON of its own; more than this the filter does
// not need. https://www.rfc-editor.org/rfc/rfc8259

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** An object whose values are all texts; `problem` says why it is none. */
export class JsonTexts {
  readonly keys: string[] = [];
  readonly values: string[] = [];
  problem: string = '';
  private at: i32 = 0;
  private text: string;

  constructor(text: string) {
    this.text = text;
    this.readObject();
  }

  private readObject(): void {
    this.expect(0x7b); // {
    if (this.peek() == 0x7d) this.at++;
    else this.readMembers();
    if (this.problem == '' && this.peek() != -1) this.fail('something stands behind the object');
  }

  private readMembers(): void {
    while (this.problem == '') {
      this.keys.push(this.readText());
      this.expect(0x3a); // :
      this.values.push(this.readText());
      if (this.peek() == 0x7d) {
        this.at++;
        return;
      }
      this.expect(0x2c); // ,
    }
  }

  private readText(): string {
    this.expect(QUOTE);
    let read = '';
    while (this.problem == '') {
      if (this.at >= this.text.length) {
        this.fail('a text does not end');
        break;
      }
      const c = this.text.charCodeAt(this.at++);
      if (c == QUOTE) return read;
      read += String.fromCharCode(c == BACKSLASH ? this.readEscape() : c);
    }
    return read;
  }

  private readEscape(): i32 {
    const c = this.at < this.text.length ? this.text.charCodeAt(this.at++) : 0;
    if (c == QUOTE || c == BACKSLASH || c == 0x2f) return c;
    if (c == 0x62) return 0x08; // b
    if (c == 0x66) return 0x0c; // f
    if (c == 0x6e) return 0x0a; // n
    if (c == 0x72) return 0x0d; // r
    if (c == 0x74) return 0x09; // t
    if (c == 0x75) return this.readCodeUnit(); // u
    this.fail('a backslash stands before what it cannot escape');
    return 0;
  }

  private readCodeUnit(): i32 {
    let unit = 0;
    for (let i = 0; i < 4; i++) {
      const c = this.at < this.text.length ? this.text.charCodeAt(this.at++) | 0x20 : 0;
      if (c >= 0x30 && c <= 0x39) unit = unit * 16 + c - 0x30;
      else if (c >= 0x61 && c <= 0x66) unit = unit * 16 + c - 0x57;
      else this.fail('\\u needs four hexadecimal digits');
    }
    return unit;
  }

  /** The next character that is no space; -1 at the end. */
  private peek(): i32 {
    while (this.at < this.text.length) {
      const c = this.text.charCodeAt(this.at);
      if (c != 0x20 && c != 0x09 && c != 0x0a && c != 0x0d) return c;
      this.at++;
    }
    return -1;
  }

  private expect(c: i32): void {
    if (this.problem != '') return;
    if (this.peek() == c) this.at++;
    else this.fail('it is no JSON object of texts: "' + String.fromCharCode(c) + '" is missing');
  }

  private fail(problem: string): void {
    if (this.problem == '') this.problem = problem + ' (character ' + (this.at + 1).toString() + ')';
  }
}
