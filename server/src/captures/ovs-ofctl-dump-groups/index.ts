import type { Node } from 'ohm-js';
import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { LOCAL_PORT } from '../../packet/fields';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import { positionals } from '../command';
import type { OfPortRef } from '../facts';
import { collect, record, type Collected } from '../lines';
import { nodeSpan, sourceOf, syntaxError, type SourceText } from '../ohm';
import type { SwitchFact } from '../switch-facts';

const REPLY = /^\s*(?:OFPST|NXST|OFPT)_GROUP(?:_DESC|_STATS|_FEATURES)? reply\b/;
const GROUP = /^\s*group_id=\d+\s*,/;

/** `ovs-ofctl dump-groups` and `dump-group-stats`: groups, a line each (ovs-ofctl(8)). */
export const ovsOfctlDumpGroups: CaptureKind = {
  kinds: ['ovs-ofctl-dump-groups', 'ovs-ofctl-dump-group-stats'],
  recognise(argv) {
    if (argv[0] !== 'ovs-ofctl') return undefined;
    const [command, bridge, group] = positionals(argv, ['-O', '--protocols', '-t', '-T', '--timeout']);
    if (command !== 'dump-groups' && command !== 'dump-group-stats') return undefined;
    return {
      kind: `ovs-ofctl-${command}`,
      ...(bridge === undefined ? {} : { target: bridge }),
      ...(group === undefined ? {} : { options: { filter: group } }),
    };
  },
  sniff(text) {
    if (/GROUP_DESC reply/.test(text) && REPLY.test(text)) return { kind: 'ovs-ofctl-dump-groups' };
    if (/_GROUP(?:_STATS)? reply/.test(text) && REPLY.test(text)) return { kind: 'ovs-ofctl-dump-group-stats' };
    if (!GROUP.test(text)) return undefined;
    return { kind: /,\s*type=/.test(text) ? 'ovs-ofctl-dump-groups' : 'ovs-ofctl-dump-group-stats' };
  },
  accepts(text) {
    return REPLY.test(text) || GROUP.test(text);
  },
  continues(previous, text) {
    return GROUP.test(previous) && /^\s*,?\s*(?:bucket=|actions=|[a-z_]+[=:(])/.test(text);
  },
  parse,
};

type Group = Extract<SwitchFact, { kind: 'of-group' }>;
type Bucket = Group['buckets'][number];
type Draft = { -readonly [K in keyof Group]?: Group[K] };

type Args = Readonly<Record<string, unknown>>;
const sourceIn = (args: Args): SourceText => args['source'] as SourceText;

const semantics = grammars.DumpGroups.createSemantics()
  .addOperation<Draft>('property(source)', {
    property_type(_name, type) {
      return { type: val(type.sourceString, nodeSpan(sourceIn(this.args), type)) };
    },
    property_method(_name, method) {
      return { selectionMethod: val(method.sourceString, nodeSpan(sourceIn(this.args), method)) };
    },
    property_param(_name, param) {
      return { selectionMethodParam: val(param.sourceString, nodeSpan(sourceIn(this.args), param)) };
    },
    property_fields(_name, list) {
      return { fields: list['fields'](sourceIn(this.args)) as Group['fields'] };
    },
    property_command: (_name, _id) => ({}),
    property_other: (_name, _is, _value) => ({}),
  })
  .addOperation<Group['fields']>('fields(source)', {
    fieldList_several(_open, fields, _close) {
      const source = sourceIn(this.args);
      return fields.asIteration().children.flatMap((node) => node['fields'](source) as Group['fields']);
    },
    fieldList_one(_is, field) {
      return field['fields'](sourceIn(this.args)) as Group['fields'];
    },
    field(name, _is, mask) {
      return [{ name: val(name.sourceString, nodeSpan(sourceIn(this.args), name)), mask: mask.children[0]?.sourceString }];
    },
  })
  .addOperation<Bucket>('bucket(source)', {
    bucket_actions(_sep, _bucket, properties, _seps, _actions, actions) {
      const source = sourceIn(this.args);
      const text = actions.sourceString.trimEnd();
      const span = nodeSpan(source, actions);
      return {
        ...bucketProperties(properties.children, source),
        actions: val(text, { start: span.start, end: span.end - (actions.sourceString.length - text.length) }),
      };
    },
    bucket_bare(_sep, bucket, first, _seps, rest) {
      const source = sourceIn(this.args);
      const end = nodeSpan(source, bucket).end;
      return { ...bucketProperties([...first.children, ...rest.children], source), actions: val('', { start: end, end }) };
    },
  })
  .addOperation<Group>('group(source)', {
    group(_indent, _name, id, _seps, properties, buckets) {
      const source = sourceIn(this.args);
      const draft: Draft = Object.assign({}, ...properties.children.map((property) => property['property'](source) as Draft));
      const number = val(Number(id.sourceString), nodeSpan(source, id));
      return {
        ...draft,
        kind: 'of-group',
        id: number,
        type: draft.type ?? val('all', number.span),
        fields: draft.fields ?? [],
        buckets: buckets.children.map((bucket) => bucket['bucket'](source) as Bucket),
      };
    },
  });

function portRef(text: string): OfPortRef {
  const plain = text.replace(/^"(.*)"$/, '$1');
  return /^\d+$/.test(plain) ? Number(plain) : plain === 'LOCAL' ? LOCAL_PORT : plain;
}

function bucketProperties(nodes: readonly Node[], source: SourceText): Omit<Bucket, 'actions'> {
  const found = new Map(nodes.map((node) => [node.child(0).sourceString, node.child(2)]));
  const number = (key: string): Val<number> | undefined => {
    const node = found.get(key);
    return node && /^\d+$/.test(node.sourceString) ? val(Number(node.sourceString), nodeSpan(source, node)) : undefined;
  };
  const port = found.get('watch_port');
  return {
    id: number('bucket_id'),
    weight: number('weight'),
    watchPort: port ? val(portRef(port.sourceString), nodeSpan(source, port)) : undefined,
    watchGroup: number('watch_group'),
  };
}

function parse(input: ParseInput): Parsed {
  const out = collect();
  const stats = input.kind === 'ovs-ofctl-dump-group-stats';
  for (const line of input.lines) {
    if (line.text.trim() === '') continue;
    const source = sourceOf(line);
    if (grammars.DumpGroups.match(source.text, 'reply').succeeded()) {
      record(out, line, line, 'header');
      continue;
    }
    const result = grammars.DumpGroups.match(source.text, stats ? 'stats' : 'group');
    if (result.failed()) {
      out.errors.push(syntaxError(source, result, stats ? 'group statistics' : 'group'));
      continue;
    }
    record(out, line);
    if (stats) takeStats(source, out);
    else out.facts.push(semantics(result)['group'](source) as Group);
  }
  return out;
}

function takeStats(source: SourceText, out: Collected): void {
  const at = source.text.indexOf('group_id=') + 'group_id='.length;
  const id = /^\d+/.exec(source.text.slice(at))?.[0] ?? '0';
  const start = (source.parts[0]?.offset ?? 0) + at;
  const packets = /[ ,]packet_count=(\d+)/.exec(source.text.replace(/bucket\d+:packet_count=\d+/g, ''));
  out.facts.push({
    kind: 'of-group-stats',
    id: val(Number(id), { start, end: start + id.length }),
    packets: packets ? val(Number(packets[1]), { start, end: start + id.length }) : undefined,
    buckets: [...source.text.matchAll(/bucket\d+:packet_count=(\d+)/g)].map((found) => Number(found[1])),
  });
}
