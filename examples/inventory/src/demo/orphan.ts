// Loaded before a program of Halflap: when the demonstration dies, however it dies, the channel to
// it closes, and the program ends too.

process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// It does not keep a program that has done its work.
process.channel?.unref();
