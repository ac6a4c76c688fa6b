import TestSupport
import Testing

extension Interop {
  /// Python's grpcio, with stubs made from the published protos, and frames cut by hand.
  @Suite struct StockClientTests {
    @Test func `a stock grpcio client gets what the contract says`() async throws {
      let report = try await PythonScript("InteropTests/grpcio_contract.py").run()
      #expect(report.faults(expecting: Self.contract) == [])
    }

    @Test func `a stock grpcio client is refused with codes and details`() async throws {
      let report = try await PythonScript("InteropTests/grpcio_refusals.py").run()
      #expect(report.faults(expecting: Self.refusals) == [])
    }

    @Test func `messages are understood however their bytes are cut`() async throws {
      let report = try await PythonScript("InteropTests/raw_frames.py").run()
      #expect(report.faults(expecting: Self.rawFrames) == [])
    }

    @Test func `a stock client learns by reflection alone what it calls`() async throws {
      let report = try await PythonScript("InteropTests/reflection.py").run()
      #expect(
        report.faults(expecting: [
          "both_versions_list_every_service",
          "a_stock_client_calls_what_it_learnt_by_reflection_alone",
          "every_method_of_the_descriptors_is_served",
          "files_symbols_and_unknown_names_are_answered", "garbage_is_refused_and_the_stream_ends",
          "it_can_be_switched_off",
        ]) == [])
    }

    @Test func `only good certificates, modern TLS and handshakes that end get in`() async throws {
      let report = try await PythonScript("InteropTests/tls_matrix.py").run()
      #expect(
        report.faults(expecting: [
          "bad_certificates_are_refused_with_an_alert_and_a_reason",
          "a_good_chain_through_an_intermediate_gets_in", "only_modern_ciphers_are_spoken",
          "old_versions_renegotiation_compression_and_resumption_are_refused",
          "handshakes_that_never_end_are_dropped_and_cost_others_nothing",
          "a_flood_of_handshakes_costs_others_nothing",
        ]) == [])
      print(report.output)
    }

    private static let contract = [
      "an_empty_log_answers_offset_out_of_range",
      "produce_gives_dense_offsets_from_zero",
      "consume_gives_back_the_record_in_field_two",
      "a_batch_gets_consecutive_offsets",
      "all_bytes_keys_headers_and_timestamps_come_back",
      "an_empty_value_is_a_record",
      "records_up_to_the_limit_come_back",
      "the_batch_limit_can_be_reached",
      "max_records_and_max_bytes_bound_an_answer",
      "a_produce_stream_answers_each_request_in_order",
      "a_half_closed_produce_stream_ends_with_ok",
      "a_failure_ends_a_produce_stream",
      "inline_failures_keep_the_stream_open",
      "a_consume_stream_follows_the_tail",
      "a_consume_stream_waits_at_offsets_not_yet_there",
      "streams_of_single_records_and_of_batches_give_the_same",
      "every_start_begins_where_it_says",
      "start_timestamp_is_the_first_record_at_or_after_it",
      "find_offset_answers_as_start_timestamp",
      "every_stop_ends_where_it_says",
      "wait_ms_holds_an_empty_answer",
      "heartbeats_tell_the_position_when_idle",
      "key_filter_gives_exact_matches_only",
      "omit_values_keeps_everything_else",
      "on_truncated_changes_nothing_on_a_whole_log",
      "both_consistencies_are_served",
      "get_servers_names_this_leader",
      "describe_log_and_list_logs_agree",
      "health_check_and_watch_say_serving",
      "every_method_of_the_descriptor_is_implemented",
      "an_unknown_method_is_unimplemented",
      "many_calls_share_one_connection",
      "concurrent_producers_and_consumers_agree",
      "the_server_has_logged_no_error",
    ]

    private static let refusals = [
      "a_first_record_is_there",
      "an_empty_produce_is_refused",
      "invalid_requests_name_their_field",
      "invalid_consume_options_name_their_field",
      "a_record_over_the_limit_is_refused",
      "a_message_over_the_limit_is_refused_and_the_connection_serves_on",
      "an_offset_past_the_end_is_out_of_range",
      "another_log_is_not_found",
      "a_wrong_checksum_is_refused",
      "nobody_is_denied_on_all_data_calls",
      "what_nobody_is_told_does_not_depend_on_the_log",
      "garbage_leaves_the_connection_serving",
      "a_passed_deadline_ends_the_call",
      "cancelled_calls_leave_the_connection_serving",
      "the_server_has_logged_no_error",
    ]

    private static let rawFrames = [
      "a_message_split_at_every_byte_into_two_data_frames",
      "a_message_of_one_byte_data_frames",
      "several_messages_in_frames_cut_at_every_byte",
      "a_connection_of_one_byte_tls_writes",
      "a_tls_connection_of_one_byte_tcp_writes",
      "a_large_message_in_small_frames",
      "an_answer_through_a_tiny_window",
      "wrong_framing_ends_the_call_and_not_the_connection",
      "requests_that_are_not_grpc_get_an_http_status",
      "an_unknown_encoding_is_unimplemented_and_the_known_ones_are_named",
      "the_server_enforces_deadlines_itself",
      "a_produce_at_its_deadline_is_in_the_log_or_not_but_never_twice",
      "more_streams_than_allowed_are_refused_and_the_rest_served",
      "a_reset_stream_is_forgotten",
      "metadata_and_paths_of_all_kinds_are_survived",
    ]
  }
}
