import Testing

/// Programs of others against a real server; one after another, as each starts processes of its own.
@Suite(.serialized) struct Interop {}
