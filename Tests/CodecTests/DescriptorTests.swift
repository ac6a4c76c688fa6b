import GRPCWire
import LogAPI
import Protobuf
import RaftAPI
import Testing

@Suite struct DescriptorTests {
  let descriptors: DescriptorSet

  init() throws { descriptors = try DescriptorSet.load() }

  @Test func `every message of the protos has a codec, and no codec is left without a message`() {
    let described = Set(descriptors.messages.keys).subtracting(descriptors.mapEntries)
    #expect(described == Set(codecMessagesByName.keys))
  }

  @Test func `number, type, label and name of every field are those of the protos`() throws {
    for type in codecMessages {
      let described = try #require(descriptors.messages[type.descriptorName])
      let expected = described.map { field in
        DescriptorSet.Field(
          number: field.number, name: field.name, label: field.label, kind: field.kind,
          typeName: field.typeName, jsonName: field.jsonName)
      }
      let found = type.fields.map { field in
        DescriptorSet.Field(
          number: field.number, name: field.name, label: field.isRepeated ? 3 : 1,
          kind: field.kind.rawValue, typeName: field.typeName, jsonName: jsonName(field.name))
      }
      #expect(found == expected, "\(type.descriptorName)")
    }
  }

  @Test func `every rpc of the protos has a method of the right shape, and the reverse`() {
    var shapes: [String: StreamingShape] = [:]
    for method in LogMethod.allCases { shapes[method.path] = method.shape }
    for method in RaftMethod.allCases { shapes[method.path] = method.shape }
    for method in HealthMethod.allCases { shapes[method.rawValue] = method.shape }
    #expect(Set(shapes.keys) == Set(descriptors.methods.keys))
    for (path, method) in descriptors.methods {
      #expect(shapes[path]?.streamsRequests == method.streamsRequests, "\(path)")
      #expect(shapes[path]?.streamsResponses == method.streamsResponses, "\(path)")
    }
  }

  @Test func `every enum value has the number that the protos give it`() throws {
    #expect(
      descriptors.enums["log.v1.StartFrom"] == [
        StartFrom.offset.rawValue: "START_OFFSET", StartFrom.earliest.rawValue: "START_EARLIEST",
        StartFrom.latest.rawValue: "START_LATEST", StartFrom.next.rawValue: "START_NEXT",
        StartFrom.timestamp.rawValue: "START_TIMESTAMP", StartFrom.tail.rawValue: "START_TAIL",
      ])
    #expect(
      descriptors.enums["log.v1.StopAt"] == [
        StopAt.never.rawValue: "STOP_NEVER", StopAt.end.rawValue: "STOP_END",
        StopAt.offset.rawValue: "STOP_OFFSET", StopAt.timestamp.rawValue: "STOP_TIMESTAMP",
      ])
    #expect(
      descriptors.enums["log.v1.ReadConsistency"] == [
        ReadConsistency.local.rawValue: "READ_LOCAL",
        ReadConsistency.linearizable.rawValue: "READ_LINEARIZABLE",
      ])
    #expect(
      descriptors.enums["log.v1.OnTruncated"] == [
        OnTruncated.fail.rawValue: "ON_TRUNCATED_FAIL",
        OnTruncated.earliest.rawValue: "ON_TRUNCATED_EARLIEST",
        OnTruncated.next.rawValue: "ON_TRUNCATED_NEXT",
      ])
    #expect(
      descriptors.enums["log.v1.Durability"] == [
        Durability.unspecified.rawValue: "DURABILITY_UNSPECIFIED",
        Durability.quorumSynced.rawValue: "DURABILITY_QUORUM_SYNCED",
      ])
    #expect(
      descriptors.enums["log.v1.ServerRole"] == [
        ServerRole.voter.rawValue: "SERVER_ROLE_VOTER",
        ServerRole.learner.rawValue: "SERVER_ROLE_LEARNER",
      ])
    let kinds = try #require(descriptors.enums["raft.v1.MessageKind"])
    for (number, name) in kinds {
      let kind = try #require(PeerMessage.Kind(rawValue: number), "\(name)")
      #expect(name == "MESSAGE_KIND_" + screamingSnake("\(kind)"))
    }
    typealias Health = HealthCheckResponse.ServingStatus
    #expect(
      descriptors.enums["grpc.health.v1.HealthCheckResponse.ServingStatus"] == [
        Health.unknown.rawValue: "UNKNOWN", Health.serving.rawValue: "SERVING",
        Health.notServing.rawValue: "NOT_SERVING",
        Health.serviceUnknown.rawValue: "SERVICE_UNKNOWN",
      ])
  }
}

/// preVote as PRE_VOTE.
private func screamingSnake(_ name: String) -> String {
  name.map { $0.isUppercase ? "_\($0)" : $0.uppercased() }.joined()
}

/// lowerCamelCase as protobuf makes it.
private func jsonName(_ name: String) -> String {
  var result = ""
  var upper = false
  for letter in name {
    if letter == "_" {
      upper = true
    } else {
      result += upper ? letter.uppercased() : String(letter)
      upper = false
    }
  }
  return result
}
