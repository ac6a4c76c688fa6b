import DistlogClient

/// The library's record, where LogAPI's is in sight too.
typealias ClientRecord = Record
