/** Pictures of step numbers for the gutter, as SVG. Knows no editor. */
import type { MarkLook } from './marks';

/** Contrast on both kinds of background; the same hues as the colours that the manifest contributes. */
const colours: Readonly<Record<'light' | 'dark', Readonly<Record<MarkLook, string>>>> = {
  dark: { captured: '#4fb3ff', inferred: '#57c6b4', assumed: '#e2b340', dropped: '#f4736b' },
  light: { captured: '#0b62b0', inferred: '#0f766a', assumed: '#8a6100', dropped: '#b3261e' },
};

/** An SVG of 32 by 32 with the label: filled where a capture says so, hollow where it was worked out, dashed where assumed. */
export function gutterIcon(label: string, look: MarkLook, theme: 'light' | 'dark'): string {
  const colour = colours[theme][look];
  const filled = look === 'captured' || look === 'dropped';
  const ground = theme === 'dark' ? '#1b1b1b' : '#ffffff';
  const dash = look === 'assumed' ? ' stroke-dasharray="4 3"' : '';
  const size = label.length <= 1 ? 20 : label.length === 2 ? 18 : label.length === 3 ? 14 : 11;
  const text = filled ? ground : colour;
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 32 32">' +
    `<rect x="2" y="2" width="28" height="28" rx="${look === 'dropped' ? 6 : 14}" fill="${filled ? colour : 'none'}"` +
    ` stroke="${colour}" stroke-width="2.5"${dash}/>` +
    `<text x="16" y="${16 + size * 0.36}" font-family="sans-serif" font-weight="600" font-size="${size}" text-anchor="middle"` +
    ` fill="${text}">${label}</text></svg>`
  );
}

/** The same as something that an editor loads without a file. */
export function svgDataUri(svg: string): string {
  return `data:image/svg+xml;base64,${Buffer.from(svg, 'utf8').toString('base64')}`;
}
