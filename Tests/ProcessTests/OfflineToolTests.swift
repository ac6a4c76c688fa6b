import TestSupport
import Testing

extension RealProcesses {
  @Suite struct OfflineToolTests {
    @Test func `verify, dump, backup, restore and check-disk do what they say`() async throws {
      let report = try await PythonScript("ProcessTests/offline_tools.py").run()
      #expect(
        report.faults(expecting: [
          "verify_finds_a_folder_sound",
          "verify_names_segment_position_and_offset_and_repairs",
          "repair_takes_no_stale_list_and_no_folder_in_use",
          "what_repair_cuts_is_saved_each_time_in_a_folder_of_its_own",
          "strange_files_are_named_and_nothing_hangs",
          "dump_reads_beside_a_server_and_says_what_it_leaves_out",
          "a_backup_of_a_running_server_restores_to_the_same_bytes",
          "check_disk_measures_and_leaves_nothing",
        ]) == [])
    }
  }
}
