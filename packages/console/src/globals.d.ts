// What the build puts in.

/** The release of this page. */
declare const HALFLAP_RELEASE: string;
