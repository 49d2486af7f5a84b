import type { Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { defined } from '../../base/defined';
import type { CaptureKind, ParseInput } from '../capture';
import { positionals } from '../command';
import { readCells } from '../kubectl-get/semantics';
import { acceptsJson, jsonObjects, jsonText, readJson } from '../json';
import { collect, type Collected } from '../lines';
import { parseRows, type Rows } from '../rows';

const PODS = /^\s*POD ID\s{2,}CREATED\s{2,}STATE\s{2,}NAME\b/;
const CONTAINERS = /^\s*CONTAINER(?: ID)?\s{2,}(?:IMAGE\s{2,})?CREATED\s{2,}STATE\s{2,}NAME\b/;
/** An identifier, and when it was made: `3 hours ago`. */
const ROW = /^\s*[0-9a-f]{8,64}\s{2,}\S.*\s(?:ago|second|minute|hour|day|week|month|year)s?\b/;

const rows: Rows = {
  grammar: grammars.KubectlTable,
  what: 'row of crictl',
  ruleFor: (text) => (PODS.test(text) || CONTAINERS.test(text) ? 'titleLine' : 'rowLine'),
  starts: (text) => PODS.test(text) || CONTAINERS.test(text) || ROW.test(text),
};

/** `crictl pods`, `crictl ps`: the sandboxes and containers of a node (crictl.md of cri-tools). Addresses are in `crictl inspectp`. */
export const crictl: CaptureKind = {
  kinds: ['crictl-pods', 'crictl-ps'],
  recognise(argv) {
    if (argv[0] !== 'crictl') return undefined;
    const words = positionals(
      argv,
      '-r -i -t -c --runtime-endpoint --image-endpoint --timeout --config --name --namespace --label --state -s --pod -p --image --id -n --last -o --output'.split(
        ' ',
      ),
    );
    if (words[0] !== 'ps' && words[0] !== 'pods') return undefined;
    // Other formats are documents of YAML or identifiers alone.
    if (argv.some((word) => /^(?:-q|--quiet|yaml|--output=yaml|-oyaml)$/.test(word))) return undefined;
    const filters = argv.filter((word) =>
      /^(?:--(?:name|namespace|label|state|pod|image|id|last|latest)|-[spnl])(?:=|$)/.test(word),
    );
    return { kind: `crictl-${words[0]}`, ...(filters.length === 0 ? {} : { options: { filter: filters.join(' ') } }) };
  },
  sniff: (text) => (PODS.test(text) ? { kind: 'crictl-pods' } : CONTAINERS.test(text) ? { kind: 'crictl-ps' } : undefined),
  accepts: (text, kind) => (kind === 'crictl-pods' ? PODS : CONTAINERS).test(text) || ROW.test(text) || acceptsJson(text),
  parse(input) {
    if (input.lines.some((line) => acceptsJson(line.text))) return parseJson(input);
    let columns: readonly Val<string>[] = [];
    return parseRows(input, rows, (rule, result, source, out) => {
      const cells = readCells(result, source);
      if (rule === 'titleLine') {
        columns = cells;
        return 'header';
      }
      addObject(out, input.kind === 'crictl-pods' ? 'pod' : 'container', columns, cells);
      return 'record';
    });
  },
};

function addObject(
  out: Collected,
  what: 'pod' | 'container',
  titles: readonly Val<string>[],
  cells: readonly Val<string>[],
): void {
  // A row that grep left has no title: the columns' order is the same in every version, up to the last ones.
  const usual =
    what === 'pod'
      ? ['POD ID', 'CREATED', 'STATE', 'NAME', 'NAMESPACE']
      : ['CONTAINER', 'IMAGE', 'CREATED', 'STATE', 'NAME', 'ATTEMPT', 'POD ID'];
  const columns = titles.length > 0 ? titles.map(({ value }) => value) : usual;
  const of = (title: string): Val<string> | undefined => cells[columns.indexOf(title)];
  const id = cells[0];
  const [name, state, namespace, pod] = [of('NAME'), of('STATE'), of('NAMESPACE'), of('POD ID')];
  if (id === undefined || name === undefined) return;
  out.facts.push({
    kind: 'runtime-object',
    what,
    id,
    name,
    ...(state === undefined ? {} : { state }),
    ...(what === 'pod' && namespace !== undefined ? { namespace } : {}),
    ...(what === 'container' && pod !== undefined ? { pod } : {}),
  });
}

/** `-o json`: one object, with a list of sandboxes or of containers. */
function parseJson(input: ParseInput) {
  const out = collect();
  const whole = readJson(input, out, 'object');
  if (whole?.is !== 'object') return out;
  const what = input.kind === 'crictl-pods' ? 'pod' : 'container';
  for (const object of jsonObjects(whole.fields, what === 'pod' ? 'items' : 'containers')) {
    const metadata = object.get('metadata');
    if (metadata?.is !== 'object') continue;
    const [id, name] = [jsonText(object, 'id'), jsonText(metadata.fields, 'name')];
    if (id === undefined || name === undefined) continue;
    const [state, namespace, pod] = [
      jsonText(object, 'state'),
      jsonText(metadata.fields, 'namespace'),
      jsonText(object, 'podSandboxId'),
    ];
    out.facts.push({ kind: 'runtime-object', what, id, name, ...defined({ state, namespace, pod }) });
  }
  return out;
}
