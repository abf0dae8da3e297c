// The system management application, as a program starts it.
export {};
