/** The bytes that a text in base 64 stands for. */
export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  // Node's own takes a hundredth of the time where the code was not compiled yet.
  if (typeof Buffer !== 'undefined') return Uint8Array.from(Buffer.from(text, 'base64'));
  return Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0));
}

/** Some bytes in base 64. */
export function base64Of(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
