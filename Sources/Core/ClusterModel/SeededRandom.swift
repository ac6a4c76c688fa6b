/// Random numbers that are the same for the same seed: xoshiro256** 1.0 (Blackman and Vigna,
/// "Scrambled linear pseudorandom number generators", 2018), seeded by SplitMix64.
///
/// Every choice of a core comes from one of these, so that a run can be repeated.
package struct SeededRandom: RandomNumberGenerator, Sendable {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  package init(seed: UInt64) {
    var mixer = seed
    func next() -> UInt64 {
      mixer &+= 0x9E37_79B9_7F4A_7C15
      var word = mixer
      word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
      word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
      return word ^ (word >> 31)
    }
    state = (next(), next(), next(), next())
  }

  package mutating func next() -> UInt64 {
    let product = state.1 &* 5
    let result = ((product << 7) | (product >> 57)) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = (state.3 << 45) | (state.3 >> 19)
    return result
  }

  /// A number from 0 to below `bound`, which is at least 1. The bias of a remainder is below one in
  /// 2^32 for the bounds used here.
  package mutating func below(_ bound: UInt64) -> UInt64 {
    precondition(bound > 0, "a random number below 0")
    return next() % bound
  }

  package mutating func below(_ bound: Int) -> Int { Int(below(UInt64(bound))) }

  /// True once in `count` times.
  package mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

  /// A stream of its own, so that what it yields does not depend on how often this one is asked.
  package mutating func fork() -> SeededRandom { SeededRandom(seed: next()) }
}
