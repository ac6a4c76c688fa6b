import TestSupport
import Testing

/// Attacks on a real distlogd over TLS, a script for each row of the reliability plan; after each attack
/// the script makes a fresh call and looks at memory, CPU and descriptors.
@Suite(.serialized) struct AttackTests {
  @Test func `streams that are opened and abandoned end the connection early`() async throws {
    let faults = try await PythonScript("AttackTests/w1_resets.py").run().faults(expecting: [
      "rapid_reset",
      "made_you_reset_by_a_window_overflow",
      "made_you_reset_by_a_window_update_of_zero",
      "made_you_reset_by_headers_after_the_end",
      "made_you_reset_by_data_after_the_end",
      "made_you_reset_by_a_priority_of_six_bytes",
      "made_you_reset_by_a_dependency_on_itself",
      "others_are_served_during_rapid_reset",
    ])
    #expect(faults == [])
  }

  @Test func `header blocks without end or measure are cut off`() async throws {
    let faults = try await PythonScript("AttackTests/w2_headers.py").run().faults(expecting: [
      "continuation_flood_of_empty_frames",
      "continuation_flood_of_full_frames",
      "a_list_over_the_limit",
      "a_single_field_over_the_limit",
      "a_name_over_the_limit",
      "many_tiny_fields",
      "a_field_that_claims_gigabytes",
      "hpack_bomb",
      "table_churn",
      "table_size_updates_without_end",
      "headers_that_stay_open_hold_little",
    ])
    #expect(faults == [])
  }

  @Test func `floods of control frames end the connection, and output is bounded`() async throws {
    let faults = try await PythonScript("AttackTests/w3_floods.py").run().faults(expecting: [
      "cve_2019_9511_data_dribble",
      "cve_2019_9512_ping_flood",
      "cve_2019_9513_resource_loop_of_priorities",
      "cve_2019_9514_reset_flood",
      "cve_2019_9515_settings_flood",
      "cve_2019_9516_empty_names",
      "cve_2019_9517_internal_buffering",
      "cve_2019_9518_empty_frames",
      "empty_headers_and_continuations",
      "empty_data_with_padding",
      "window_updates_of_the_connection",
      "unknown_frames",
      "resets_of_streams_that_never_were",
      "answers_to_pings_that_are_not_read",
    ])
    #expect(faults == [])
  }

  @Test func `each breach of HTTP 2 gets the code of its section`() async throws {
    let faults = try await PythonScript("AttackTests/w4_protocol.py").run().faults(expecting: [
      "every_breach_gets_the_code_of_its_section",
      "a_case_that_is_right_is_answered",
    ])
    #expect(faults == [])
  }

  @Test func `messages framed wrongly are refused, and right ones taken however they are cut`()
    async throws
  {
    let faults = try await PythonScript("AttackTests/w5_framing.py").run().faults(expecting: [
      "every_flag_but_0_is_refused",
      "every_truncation_is_refused",
      "bytes_behind_a_unary_message_are_refused",
      "lengths_over_the_limit_are_refused_before_they_are_buffered",
      "a_good_message_cut_at_every_byte_into_frames_of_every_size",
    ])
    #expect(faults == [])
  }

  @Test func `the headers of a call are judged one by one`() async throws {
    let faults = try await PythonScript("AttackTests/w6_headers.py").run().faults(expecting: [
      "content_types",
      "methods_of_http",
      "paths_that_no_method_has",
      "timeouts",
      "binary_metadata",
      "te_may_be_missing_but_nothing_else",
      "encodings",
      "credentials_that_are_not_taken",
      "messages_are_percent_encoded",
    ])
    #expect(faults == [])
  }

  @Test func `deadlines end work and leave no phantom record`() async throws {
    let faults = try await PythonScript("AttackTests/w7_deadlines.py").run().faults(expecting: [
      "a_produce_past_its_deadline_is_never_a_phantom",
      "work_ends_at_the_deadline",
      "a_stream_of_requests_ends_at_its_deadline",
    ])
    #expect(faults == [])
  }

  @Test func `garbage on every layer crashes nothing`() async throws {
    let faults = try await PythonScript("AttackTests/w10_garbage.py").run().faults(expecting: [
      "bytes_before_tls",
      "bytes_inside_tls",
      "bytes_as_messages",
    ])
    #expect(faults == [])
  }

  @Test func `peers that trickle or stall are dropped and hold little`() async throws {
    let faults = try await PythonScript("AttackTests/l5_trickle.py").run().faults(expecting: [
      "trickled_prefaces_and_header_blocks_are_dropped",
      "trickled_bodies_hold_little_and_end_at_their_deadline",
      "stalled_streams_of_few_connections_hold_little_and_are_reset",
    ])
    #expect(faults == [])
  }

  @Test func `the rules decide as the second reading of them, and refusals tell nothing of names`()
    async throws
  {
    let faults = try await PythonScript("AttackTests/s5_access.py").run().faults(expecting: [
      "every_method_of_the_descriptor_has_a_rule",
      "decisions_of_the_real_server_are_those_of_the_model",
      "odd_names_are_no_log_for_whoever_may_do_everything",
      "refusals_are_the_same_whether_or_not_a_log_exists",
    ])
    #expect(faults == [])
  }

  @Test func `names from outside forge no line and open no file`() async throws {
    let faults = try await PythonScript("AttackTests/s11_log_lines.py").run().faults(expecting: [
      "lines_of_text_are_not_forged",
      "lines_of_json_are_not_forged",
      "the_clients_output_is_not_steered",
      "files_are_the_owners_only_under_any_umask",
      "a_data_folder_belongs_to_one_process_however_it_is_named",
      "names_do_not_reach_outside_the_folder",
    ])
    #expect(faults == [])
  }
}
