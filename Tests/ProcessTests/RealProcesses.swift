import Testing

/// Real servers that are killed, stopped, starved and abused; one after another, as they share the machine.
@Suite(.serialized) struct RealProcesses {}
