/** A document's path as hosts are read from it: below its workspace folder where it has one, with `/`. */
export function documentPath(uri: string, folders: readonly string[]): string {
  const decoded = decode(uri);
  for (const folder of folders) {
    const root = decode(folder).replace(/\/+$/, '');
    if (decoded.startsWith(`${root}/`)) return `${root.split('/').at(-1) ?? ''}${decoded.slice(root.length)}`;
  }
  // Outside a workspace the file's own folder is still worth knowing; those above it are not.
  return decoded
    .replace(/^[\w+.-]+:\/*/, '')
    .split('/')
    .slice(-3)
    .join('/');
}

function decode(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}
