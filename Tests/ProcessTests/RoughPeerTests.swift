import TestSupport
import Testing

extension RealProcesses {
  @Suite struct RoughPeerTests {
    @Test func `the server answers after every kind of rough peer`() async throws {
      let report = try await PythonScript("ProcessTests/rough_peers.py").run()
      #expect(report.faults(expecting: Self.checks) == [])
    }

    private static let checks = [
      "garbage_on_the_port",
      "garbage_inside_tls",
      "garbage_instead_of_the_preface_closes_the_connection",
      "half_open_connections",
      "connections_that_end_in_a_reset",
      "a_thousand_quick_connects",
      "a_stopped_server_goes_on_where_it_was",
      "a_stalled_produce_stream_does_not_stall_its_connection",
      "a_stalled_consumer_does_not_stall_its_connection",
      "a_stalled_consumer_is_closed_with_its_next_offset",
      "filters_that_nothing_passes_hold_up_nobody",
      "heartbeats_as_often_as_can_be_hold_up_nobody",
      "many_connections_at_once",
      "the_same_process_is_still_there_and_stops_well",
    ]
  }
}
