import type { Line } from '../base/lines';
import { val, type Span, type Val } from '../base/span';
import grammars from '../generated/grammars.ohm-bundle';
import type { ParseInput } from './capture';
import { record, type Collected } from './lines';
import { sourceOf, syntaxError } from './ohm';
import { errorOn, reportErrorOutput } from './words';
import { readXmlLine } from './xml-line';

/** An element of XML with what stands in it. */
export interface XmlElement {
  readonly name: string;
  readonly nameSpan: Span;
  readonly attributes: ReadonlyMap<string, Val<string>>;
  readonly children: readonly XmlElement[];
  /** The text directly inside, without blanks around it. */
  readonly text: Val<string> | undefined;
  /** From its first line's start to its last line's end. */
  readonly span: Span;
}

interface OpenElement {
  readonly name: string;
  readonly nameSpan: Span;
  readonly attributes: ReadonlyMap<string, Val<string>>;
  readonly children: XmlElement[];
  text: Val<string> | undefined;
  readonly first: Line;
}

/** Deeper than this is no output of these programs. */
const MOST_DEEP = 50;

/**
 * Reads an output of XML line by line and gives each element that is called `name` to `take`, however deep it stands. Lines that are
 * no XML are errors of their own; an element whose end is missing is taken as far as it goes, with an error that says so.
 */
export function readXml(
  input: ParseInput,
  out: Collected,
  name: string,
  take: (element: XmlElement) => void,
  harmless?: RegExp,
): void {
  const open: OpenElement[] = [];
  let inComment = false;
  let last: Line | undefined;
  const close = (): void => {
    const element = open.pop();
    if (element === undefined) return;
    const made: XmlElement = {
      name: element.name,
      nameSpan: element.nameSpan,
      attributes: element.attributes,
      children: element.children,
      text: element.text,
      span: { start: element.first.start, end: (last ?? element.first).start + (last ?? element.first).text.length },
    };
    if (made.name === name) take(made);
    else open[open.length - 1]?.children.push(made);
  };
  for (const line of input.lines) {
    if (line.text.trim() === '') continue;
    if (inComment || harmless?.test(line.text) === true) {
      inComment &&= !line.text.includes('-->');
      record(out, line, line, 'header');
      continue;
    }
    if (reportErrorOutput(out, line)) continue;
    const source = sourceOf(line);
    const result = grammars.Xml.match(source.text, 'xmlLine');
    if (result.failed()) {
      out.errors.push(syntaxError(source, result, 'line of XML'));
      continue;
    }
    last = line;
    record(out, line, line, 'record');
    for (const piece of readXmlLine(result, source)) {
      if (piece.what === 'open' && open.length < MOST_DEEP) {
        const { name: tag, nameSpan, attributes } = piece;
        open.push({ name: tag, nameSpan, attributes, children: [], text: undefined, first: line });
        if (piece.closed) close();
      } else if (piece.what === 'close') {
        // A tag that ends what never began is passed over; one that ends an outer element ends those in it.
        const at = open.findLastIndex((element) => element.name === piece.name);
        while (at >= 0 && open.length > at) close();
      } else if (piece.what === 'text') {
        const inside = open[open.length - 1];
        if (inside !== undefined && piece.text.value.trim() !== '') inside.text = trimmed(piece.text);
      } else if (piece.what === 'comment-start') inComment = true;
    }
  }
  const unfinished = open.some((element) => element.name === name || element.name === 'conntrack' || element.name === 'ipsets');
  while (open.length > 0) close();
  if (unfinished && last !== undefined)
    out.errors.push(errorOn(last, 'cut-off', 'The XML ends too early: what follows is missing. Capture it whole.'));
}

function trimmed(text: Val<string>): Val<string> {
  const start = text.span.start + text.value.length - text.value.trimStart().length;
  const value = text.value.trim();
  // Entities are longer in the text than what they stand for.
  const same = text.span.end - text.span.start === text.value.length;
  return same ? val(value, { start, end: start + value.length }) : val(value, text.span);
}

/** The first child of that name. */
export function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((one) => one.name === name);
}

/** The text of the child of that name. */
export function childText(element: XmlElement | undefined, name: string): Val<string> | undefined {
  return child(element, name)?.text;
}
