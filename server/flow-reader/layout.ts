/**
 * Where things stand in the memory that the flow reader and the server share: addresses and lengths in bytes. Both sides import this file,
 * so it holds plain numbers only. Nothing stands below 1,024: the compiler takes for granted that nobody looks there.
 */

/** Kinds of values; see `Kind` in `captures/flow/tokens.ts`. */
export const NONE = 0;
export const DECIMAL = 1;
export const SECONDS = 2;
export const HEX32 = 3;
export const HEX64 = 4;
export const HEX128 = 5;
export const MAC = 6;
export const IPV4 = 7;
export const IPV6 = 8;
export const NAME = 9;
export const BYTES = 10;
export const AGES = 11;
export const KINDS = 12;

/** Above all characters that shapes are made of: `VALUE` + kind is the symbol of a value. */
export const VALUE = 0x8000;

/** Of a node of the trie, each in four bytes: its symbols, what ends at it, a bit for each kind of value that may come next, its first edge. */
export const NODE = 5;
export const FROM = 0;
export const TO = 1;
export const END = 2;
export const KINDS_NEXT = 3;
export const FIRST_EDGE = 4;
/** Of an edge: its symbol, the node that it leads to, the node's next edge. */
export const EDGE = 3;

/** The longest length of a value that is kept, in a byte: of bytes, how many there are. */
export const MOST_CODE = 255;
/** As many values as a line may have. */
export const MOST_VALUES = 96;
/** Lines longer than this are read for themselves. */
export const LONGEST_LINE = 4000;
/** A segment has at most so many lines or characters (and one line more); reading one takes a few milliseconds. */
export const SEGMENT_LINES = 1024;
export const SEGMENT_UNITS = 262_144;
export const MOST_SHAPES = 6000;

/** Of a shape's program, each in four bytes; its slots, terms and lacking bits follow. */
export const SLOTS = 0;
export const ROW_WORDS = 1;
export const LENGTHS_AT = 2;
/** The slot of the counter that is kept in two words; -1 for none. */
export const PACKETS = 3;
/** The slot of the table; -1 where it is the same in all, and then its hash and its number (-1 for a name). */
export const TABLE_SLOT = 4;
export const TABLE_HASH = 5;
export const TABLE_NUMBER = 6;
export const PRIORITY_SLOT = 7;
export const PRIORITY = 8;
export const CONST_HASH = 9;
/** The slot of the table that the flow goes on to; -1 where it is the same in all, -2 where it goes to none. */
export const NEXT_SLOT = 10;
export const NEXT_NUMBER = 11;
export const TERMS = 12;
export const LACKING = 13;
export const PROGRAM = 14;
/** Of a slot: its kind and how many words it takes, its word in a row, its place among the rules, bits that it must not have. */
export const SLOT = 4;
/** Of a term: the hash of its field and mask, its first word in a row, how many there are, what it is set into, by how much it is moved up. */
export const TERM = 5;
/** Of bits that a value must not have: its slot, which of its words, the bits. */
export const LACK = 3;

/** Classes of values of a place (see `captures/flow/rules.ts`), in words of 32 bits. */
export const CLASS_WORDS = 5;
/** The class of the number 0; those up to 7 follow. */
export const SMALL = 150;
export const RESERVED = 100;

/** What the server sets, in four bytes each: where the trie, the shapes' programs and the rules are. */
export const SYMBOLS_AT = 1040;
export const NODES_AT = 1044;
export const EDGES_AT = 1048;
export const TRUSTED_AT = 1052;
export const LIMITS_AT = 1056;
/** What is read now: where the next line starts and the window ends, in characters; 1 where the text ends there, too. */
export const AT = 1060;
export const SIZE = 1064;
export const WHOLE = 1068;
/** What was read of the segment so far: lines, flows, words. */
export const COUNT = 1072;
export const FLOWS = 1076;
export const USED = 1080;
/** 1 where a line waits for the next one that is not empty. */
export const WAITING = 1084;
/** Of the line that was matched last: its shape, its values, where it ends without blanks. */
export const SHAPE = 1088;
export const VALUES = 1092;
export const LINE_END = 1096;
/** Of the value that was read last: its kind, and where it ends. */
export const VALUE_KIND = 1100;
export const VALUE_END = 1104;

/** The groups of the IPv6 address that is being read. */
export const GROUPS_AT = 1120;
/** The values of the line that was matched last: where they start and end, as numbers, as up to four words with the highest first. */
export const STARTS_AT = 1152;
export const ENDS_AT = 1536;
export const NUMBERS_AT = 2048;
export const WORDS_AT = 3072;
/** Of each shape, by its id, the address of its program. */
export const PROGRAMS_AT = 5120;

/** Names that came lately: for each place its number plus one, its length, its characters. */
export const NAME_PLACES = 2048;
export const LONGEST_NAME = 124;
export const NAME_BYTES = 256;
export const NAMES_AT = 32_768;
/** Values at the edges of classes that were trusted lately: place plus one, value. */
export const EDGE_PLACES = 1024;
export const EDGE_VALUES_AT = 557_056;

/** One line, and what holds the line break behind it and what is compared in one go. */
export const LINE_AT = 565_248;
/** The part of the text that is read, with the same room behind it. */
export const WINDOW_AT = 573_440;
/** Of a segment: where its lines start, which are flows, their shapes, rows, hashes. */
export const LINE_STARTS_AT = 1_097_984;
export const FLOW_LINES_AT = 1_102_080;
export const FLOW_SHAPES_AT = 1_104_128;
export const FLOW_ROWS_AT = 1_106_176;
export const FLOW_HASHES_AT = 1_110_272;
/** The rows: no line has more than four words a value and a byte for its length. */
export const ROWS_AT = 1_114_368;
export const ROWS_END = 2_785_536;

/** Why `readLines` stopped: the segment ends, no shape is known for a line, or some values of it are not trusted, or another line waits for it. */
export const DONE = 0;
export const UNKNOWN = 1;
export const UNTRUSTED = 2;
export const AWAITED = 3;
