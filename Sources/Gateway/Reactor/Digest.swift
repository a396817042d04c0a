import COpenSSL

/// SHA-256 (FIPS 180-4), by OpenSSL.
public enum SHA256Digest {
    /// The digest as four big-endian words.
    public static func words(of bytes: Span<UInt8>) -> (UInt64, UInt64, UInt64, UInt64) {
        withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { digest in
            bytes.withUnsafeBufferPointer { input in
                _ = SHA256(input.baseAddress, input.count, digest.baseAddress?.assumingMemoryBound(to: UInt8.self))
            }
            func word(_ index: Int) -> UInt64 {
                UInt64(bigEndian: digest.load(fromByteOffset: index * 8, as: UInt64.self))
            }
            return (word(0), word(1), word(2), word(3))
        }
    }
}
