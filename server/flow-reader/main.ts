export { endLine, follow, readLines, takeLine } from './lines';
export { classOf, isInside } from './trust';
export { valueAt } from './values';
