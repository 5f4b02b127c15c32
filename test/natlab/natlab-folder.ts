import path from 'node:path';

/** Of the sources, also when this runs from a bundle in dist/natlab. */
export const NATLAB_FOLDER = path.resolve(import.meta.dirname, '../../test/natlab');
