import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { decodeText } from '../base/decode';
import type { Service } from '../service';

/** What can't hold captures, by name: nobody wants to see a picture reported as unreadable. */
const SKIPPED =
  /(?:^|\/)(?:\.git|node_modules|\.vscode)(?:\/|$)|\.(?:png|jpe?g|gif|svg|ico|pdf|zip|gz|xz|bz2|tgz|tar|7z|rpm|deb|so|o|a|exe|dll|class|jar|woff2?|ttf|mp4|pcap|pcapng)$/i;
/** Node's strings end near 512 MB; more text than that is not one person's capture. */
const MAX_BYTES = 400 * 1024 * 1024;

export interface ReadResult {
  /** Files that were read, with `/`, as the caller named them. */
  readonly files: readonly string[];
  /** Sentences about what could not be read. */
  readonly troubles: readonly { readonly path: string; readonly message: string }[];
}

/** Reads files and folders (recursively, in name order) into the service; what can't be read is reported and stops nothing. */
export function readPaths(service: Service, paths: readonly string[]): ReadResult {
  const files: string[] = [];
  const troubles: { path: string; message: string }[] = [];
  const visit = (at: string, named: boolean) => {
    let stat: fs.Stats;
    try {
      stat = fs.statSync(at);
    } catch (error) {
      troubles.push({ path: at, message: `cannot be read (${reason(error)}); check the path` });
      return;
    }
    if (stat.isDirectory()) {
      let names: string[];
      try {
        names = fs.readdirSync(at).sort();
      } catch (error) {
        troubles.push({ path: at, message: `cannot be listed (${reason(error)})` });
        return;
      }
      for (const name of names) {
        const inner = path.join(at, name);
        if (!SKIPPED.test(inner.split(path.sep).join('/'))) visit(inner, false);
      }
      return;
    }
    if (!stat.isFile()) return;
    const read = readOne(at, stat.size);
    if ('message' in read) {
      // A folder may hold anything; only what the caller named himself is worth a complaint when it is no text.
      if (named || !read.binary) troubles.push({ path: at, message: read.message });
      return;
    }
    files.push(at);
    service.set(
      pathToFileURL(path.resolve(at)).href,
      path.resolve(at) === at ? relative(at) : at.split(path.sep).join('/'),
      read.text,
    );
  };
  for (const given of paths) visit(given, true);
  return { files, troubles };
}

/** An absolute path is shown relative to here where that is shorter to read; hosts are named by its last folders either way. */
function relative(at: string): string {
  return at.split(path.sep).join('/');
}

function readOne(at: string, size: number): { readonly text: string } | { readonly message: string; readonly binary: boolean } {
  if (size > MAX_BYTES)
    return {
      message: `is ${Math.round(size / 1048576)} MB; files above ${MAX_BYTES / 1048576} MB are not read. Split it, or give the part with the captures`,
      binary: false,
    };
  try {
    const decoded = decodeText(fs.readFileSync(at));
    return decoded.kind === 'text'
      ? { text: decoded.text }
      : { message: `is not text (${decoded.reason}); nothing in it was read`, binary: true };
  } catch (error) {
    return { message: `cannot be read (${reason(error)})`, binary: false };
  }
}

function reason(error: unknown): string {
  if (error instanceof Error && 'code' in error) {
    const words: Record<string, string> = {
      ENOENT: 'no such file or folder',
      EACCES: 'permission denied',
      EPERM: 'permission denied',
      EISDIR: 'it is a folder',
    };
    return words[String(error.code)] ?? error.message;
  }
  return error instanceof Error ? error.message : String(error);
}
