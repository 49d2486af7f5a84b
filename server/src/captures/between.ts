/** What stands for lines that somebody left out. */
export const ELISION =
  /^\s*(?:[.:⋮·]{1,2}|--|[([<]?\s*(?:\.{3,}|…|(?:\. ){2,}\.)\s*[)\]>]?(?:\s+(?:#|\/\/).*)?|(?:\.{3,}|…|\[\.{3}\])\s.*|\.{2,}\s*<?\s*(?:snip|cut|omitted)\s*>?\s*\.{2,}|[<[(-]*\s*(?:snip(?:ped)?|cut|omitted|output omitted|truncated|skipped)!*\s*[>\])-]*|~+|\.{3,} ?[^\s.]{1,12} ?\.{3,})\s*$/i;
/** What fences captures off in Markdown, HTML, Jira's and forums' markup and Jekyll's. */
export const FENCE = new RegExp(
  '^\\s*(?:```|~~~|' +
    '(?:</?(?:pre|code|p|br|hr|div|span|li|ul|ol|details|summary|blockquote|b|strong)\\b[^<>]*>\\s*)+$|' +
    '(?:<details\\b[^<>]*>\\s*)?<summary>[^<>]*</summary>\\s*$|' +
    '\\{(?:code|noformat|quote|panel)(?::[^}]*)?\\}\\s*$|\\[/?(?:code|pre|quote)[^\\]]*\\]\\s*$|\\[(?:source|listing)[^\\]]*\\]\\s*$|' +
    '\\{%\\s*(?:end)?(?:highlight|raw|codeblock)\\b[^%]*%\\}\\s*$)',
  'i',
);
/** A line across the page between a capture and what the author says. */
export const ACROSS = /^\s*(?:-{3,}|_{3,}|={3,}|\*{3,})\s*$/;
/** A remark of the author's between lines of output. */
export const REMARK = /^\s*(?:#+\s*(?:[^\s#\d]|$)|\([^():]*\)\s*$|[└├↳↑↓←→⇒▲▼]\s*)/;
/** What people write where a command printed nothing. */
export const NO_OUTPUT = /^\s*[<([](?:no output|empty|nothing)[>)\]]\s*$/i;
/** What sudo, ssh, kubectl, docker and the logs of their libraries say beside the output of the command that they run. */
export const ASIDE =
  /^\s*(?:\[sudo\] |sudo: (?:unable to resolve host|setrlimit\()|Defaulted container "|Defaulting container name to |Use 'kubectl describe pod|Unable to use a TTY - |kubectl exec \[POD\] \[COMMAND\] is DEPRECATED|If you don't see a command prompt, try pressing enter|Warning: (?:Permanently added |Use tokens from the TokenRequest API)|(?:Shared )?[Cc]onnection to \S+ closed\.|Pseudo-terminal will not be allocated|mesg: ttyname failed|\/\S+\.py:\d+: \w*Warning: |warnings\.warn\(|WARNING: Command \S+ is deprecated|(?:Repeat )?User Password:\s*$|Listing assignments using role list is deprecated|Removing debug pod|Starting pod\/|To use host binaries, run |Creating debugging pod |spawning "[^"]*" on |pod "[^"]*" deleted|(?:bash: )?warning: setlocale: |time="[^"]*" level=(?:warning|info|debug) |[WI]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ \S+\.go:\d+\]|\d{4}-\d\d-\d\dT[\d:.]+Z\|\d+\|[\w()]+\|(?:INFO|DBG)\|)/;

/** A prompt at which nothing was typed, or whose command was cut off. */
export const IDLE_PROMPT =
  /^\s*(?:(?:\([\w.-]*\)\s*)*\[[\w.-]+@[\w.-]+[^\]]*\]\s?[#$>%]|[\w.-]+@[\w.-]+:(?:[^\s#$]*(?: \([\w./-]+\))?\s?[#$]|[~/][\w./-]*>)|[\w.-]+@[\w.-]+ [~/][\w./-]*(?: \([\w./-]+\))?>|[\w.-]+:[~/][\w./-]*\s?[#$]|[~/][\w./-]*\s?[#$]|(?:sh|bash)-[\d.]+[#$]|mininet>|virsh\s?[#>]|\(none\)(?::\S*?)?\s?[#$]|➜\s+\S+(?:\s+git:\([^()]*\)(?:\s+✗)?)?|(?:[\w.-]+@)?[A-Za-z\d][\w.-]* [~/][\w./-]*(?: on [^➜✖✗]{1,40})? [➜✖✗]|[└╰][─╼-]*>?\s?[#$❯]|[$❯➜])\s*$/;
/** The prompt of a shell that was given none. */
export const SHELLS_OWN = /^(?:(?:sh|bash)-[\d.]+|~|\/[\w./-]*) ?[#$]$/;
/** What ends an output: a prompt of another program's shell, the end of a text that was given to a command, another node's turn. */
export const ANOTHER = /^\s*(?:(?:mysql|sqlite|MariaDB \[[^\]]*\])>\s|EOF$|(?:INFO|WARN|DEBU)\[\d+\] .*\bstdout:)/;
/** A prompt that nothing else looks like: what stands behind it is a command, whatever the program. */
export const CERTAIN_PROMPT =
  /^\s*(?:(?:\([\w.-]*\)\s*)*(?:\[[\w.-]+@[\w.-]+[^\]]*\]\s?[#$]|[\w.-]+@[\w.-]+:(?:[\w.-]+:)?\s?[~/][^\s#$]*\s?[#$])\s*(?=[\w./~])|(?:sh|bash)-[\d.]+[#$]\s*(?=[\w./~])|virsh\s?[#>]\s+(?=[a-z])|\(none\)(?::\S*?)?\s?[#$]\s*(?=[\w./~])|(?:[\w.-]+@)?[A-Za-z\d][\w.-]* [~/][\w./-]*(?: on [^➜✖✗]{1,40})? [➜✖✗]\s+(?=[\w./~])|➜\s+\S+\s+git:\([^()]*\)(?:\s+✗)?\s+(?=[\w./~])|[└╰]─[─╼-]*>?\s?[#$❯]\s*(?=[\w./~])|\$ +(?=[a-z./~]|[A-Z_]+=)|# *(?=\.{0,2}\/[\w.-]+(?:\/|\s|$)))/;
