import Foundation
import GRPCWire
import LogAPI
import Protobuf
import RaftAPI

/// Every message type that has a codec.
let codecMessages: [any ProtobufMessage.Type] = [
  Record.self, Header.self, ProduceRequest.self, ProduceResponse.self, Failure.self,
  ConsumeRequest.self, ConsumeResponse.self, GetServersRequest.self, GetServersResponse.self,
  Server.self, DescribeLogRequest.self, UpdateLogRequest.self,
  TruncateLogRequest.self, ListLogsRequest.self, ListLogsResponse.self,
  LogInfo.self, LogConfig.self, FindOffsetRequest.self, FindOffsetResponse.self, BackupRequest.self,
  BackupChunk.self,
  HealthCheckRequest.self, HealthCheckResponse.self,
  StatusDetails.self, AnyMessage.self, DurationMessage.self, ErrorInfo.self, RetryInfo.self,
  BadRequest.self, BadRequest.FieldViolation.self, LocalizedMessage.self,
  GetStatusRequest.self, StatusResponse.self, Alarm.self,
  PeerProgress.self, ReplicaStatus.self, AddServerRequest.self, PromoteServerRequest.self,
  RemoveServerRequest.self, TransferLeadershipRequest.self, ChecksumRequest.self,
  ChecksumResponse.self, Checkpoint.self, ProducerState.self,
  LogStart.self, LogSettings.self, AppendedRequest.self,
  ReportRequest.self, ServerReport.self, ServerAlarm.self, FetchRequest.self, FetchResponse.self,
  InitProducerRequest.self,
  InitProducerResponse.self, PeerMessage.self, DeliverResponse.self,
  MemberEntry.self, MembersEntry.self, ProducerEntry.self,
  Introduction.self, Founding.self,
  Kinds.self,
]

/// The same by name.
let codecMessagesByName = Dictionary(
  uniqueKeysWithValues: codecMessages.map { ($0.descriptorName, $0) })

/// The root of the package.
let packageFolder = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

let descriptorFiles = ["log.v1.golden.desc", "kinds.desc"].map {
  packageFolder.appending(path: "Tests/CodecTests/Golden/\($0)")
}

/// SplitMix64: the same numbers for the same seed on every machine.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &self) }
  }
}
