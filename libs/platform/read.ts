/** The light door: settings, for programs that read them before they load anything else, and for threads. No Nest. */
export * from './config.js';
