internal import DistlogClient

/// Acknowledgements as `--ack-output` prints them.
enum AckText {
  static func write(
    _ acknowledgement: Acknowledgement, _ form: ProduceSettings.AckOutput,
    to output: inout OutputBuffer
  ) {
    switch form {
    case .none: break
    case .offsets:
      for offset in acknowledgement.offsets { output.append("\(offset)\n") }
    case .json:
      var object = JSONObject()
      object.set("offset", acknowledgement.offsets.lowerBound)
      object.set("lastOffset", acknowledgement.offsets.upperBound)
      object.set("timestampUnixNano", acknowledgement.timestamp)
      object.set("term", acknowledgement.term)
      object.set(
        "durability",
        acknowledgement.isQuorumSynced
          ? "DURABILITY_QUORUM_SYNCED" : "DURABILITY_UNSPECIFIED")
      output.append(object.text)
      output.append(0x0A)
    }
  }
}
