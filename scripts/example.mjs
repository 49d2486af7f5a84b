// The capture that ships with the extension, and the question that it answers best.
export const example = { file: 'examples/two-hosts-walk.txt', from: 'c-private', to: '8.8.8.8' };
