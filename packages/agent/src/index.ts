// What runs on a managed Linux host.
export {};
