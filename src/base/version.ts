declare const PILOT_VERSION: string | undefined;

/** This package's version; the build puts it in. */
export const VERSION = typeof PILOT_VERSION === 'string' ? PILOT_VERSION : '0.0.0-source';
