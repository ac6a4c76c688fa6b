import GRPCWire
import Testing

@Suite struct PercentEncodingTests {
  @Test func `every text survives, and the encoded form is printable ASCII`() {
    for text in [
      "", "plain", "100%", "%41", "%", "a\nb\tc\u{0}", "é 漢 🙂", "~ \u{7F}", "a%zz", "%%%25",
    ] {
      let encoded = PercentEncoding.encode(text)
      #expect(encoded.utf8.allSatisfy { $0 >= 0x20 && $0 <= 0x7E })
      #expect(Array(PercentEncoding.decode(encoded).utf8) == Array(text.utf8))
    }
    #expect(PercentEncoding.encode("100% é\n") == "100%25 %C3%A9%0A")
  }

  @Test func `broken encodings stand for themselves`() {
    #expect(PercentEncoding.decode("%") == "%")
    #expect(PercentEncoding.decode("%4") == "%4")
    #expect(PercentEncoding.decode("%zz%41") == "%zzA")
    #expect(PercentEncoding.decode("%c3%a9") == "é")
    #expect(PercentEncoding.decode("a%FFb") == "a\u{FFFD}b")
  }

  @Test func `a long text is cut between characters`() {
    #expect(PercentEncoding.encode("aé漢b", limit: 7) == "a%C3%A9")
    #expect(PercentEncoding.encode("aé漢b", limit: 16) == "a%C3%A9%E6%BC%A2")
    #expect(PercentEncoding.encode("abcdef", limit: 3) == "abc")
  }
}

@Suite struct Base64Tests {
  @Test func `the vectors of RFC 4648 hold, with and without padding`() {
    let vectors = [
      ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
      ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
    ]
    for (plain, encoded) in vectors {
      #expect(Base64.encode(Array(plain.utf8)) == encoded)
      #expect(Base64.decode(encoded) == Array(plain.utf8))
      let padded = encoded + String(repeating: "=", count: (4 - encoded.count % 4) % 4)
      #expect(Base64.decode(padded) == Array(plain.utf8))
    }
    let all = [UInt8](0...255)
    #expect(Base64.decode(Base64.encode(all)) == all)
  }

  @Test(arguments: ["A", "A===", "=", "====", "Zg=", "Zm8==", "Z=g=", "Zm9v=", "Zm 8", "Zm9-", "é"])
  func `what is not base64 is refused`(text: String) {
    #expect(Base64.decode(text) == nil)
  }
}

@Suite struct GRPCTimeoutTests {
  @Test func `every unit is read`() {
    #expect(GRPCTimeout.parse("1H") == .seconds(3600))
    #expect(GRPCTimeout.parse("2M") == .seconds(120))
    #expect(GRPCTimeout.parse("3S") == .seconds(3))
    #expect(GRPCTimeout.parse("4m") == .milliseconds(4))
    #expect(GRPCTimeout.parse("5u") == .microseconds(5))
    #expect(GRPCTimeout.parse("6n") == .nanoseconds(6))
    #expect(GRPCTimeout.parse("0n") == .zero)
    #expect(GRPCTimeout.parse("99999999H") == .seconds(99_999_999 * 3600))
    #expect(GRPCTimeout.parse("00000001S") == .seconds(1))
  }

  @Test(arguments: [
    "", "S", "1", "1s", "1h", "-1S", "+1S", "1.5S", " 1S", "1S ", "1 S", "100000000S", "0x1S",
    "１S", "1SS", "1N", "1U", "junk", "99999999999999999999H",
  ])
  func `anything else is malformed`(text: String) {
    #expect(GRPCTimeout.parse(text) == nil)
  }

  @Test func `what is written is read back, never shorter, at most one part in 100,000 longer`() {
    for timeout: Duration in [
      .zero, .nanoseconds(1), .nanoseconds(99_999_999), .nanoseconds(100_000_000),
      .nanoseconds(100_000_001), .seconds(1), .seconds(99), .seconds(100),
      .milliseconds(123_456_789),
      .seconds(99_999_999), .seconds(100_000_000), .seconds(7_000_000_000),
    ] {
      let text = GRPCTimeout.format(timeout)
      #expect(text.utf8.count <= 9)
      let back = GRPCTimeout.parse(text) ?? .seconds(-1)
      #expect(back >= timeout, "\(text)")
      #expect(back <= timeout + timeout / 100_000 + .nanoseconds(1), "\(text)")
    }
    #expect(GRPCTimeout.format(.seconds(-1)) == "0n")
    #expect(GRPCTimeout.format(.seconds(Int64.max)) == "99999999H")
  }
}

@Suite struct MetadataTests {
  @Test func `names are lower case, values keep their order`() {
    let metadata = Metadata([("X-A", "1"), ("x-b", "2"), ("x-a", "3")])
    #expect(metadata["x-a"] == "1")
    #expect(metadata.values("x-a") == ["1", "3"])
    #expect(metadata["x-c"] == nil)
  }

  @Test func `binary values come padded or not, in several headers or joined by commas`() {
    var metadata = Metadata([("a-bin", "AQI=, AwQ"), ("a-bin", "")])
    metadata.add("a-bin", bytes: [5])
    #expect(metadata.binaryValues("a-bin") == [[1, 2], [3, 4], [], [5]])
    #expect(Metadata([("a-bin", "AQ!")]).binaryValues("a-bin") == nil)
  }
}
