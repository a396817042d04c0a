import CArgon2

/// Argon2id (RFC 9106, version 1.3) by libargon2. A call holds its thread for the whole computation.
enum Argon2 {
    static let saltBytes = 16
    static let hashBytes = 32

    /// - Returns: The hash with all that is needed to repeat it, in the form of the reference implementation:
    ///   `$argon2id$v=19$m=…,t=…,p=…$<salt>$<hash>`, both in base64 without padding.
    /// - Throws: ``HashingError/failed(_:)``, for example when the memory cannot be had.
    static func encodedHash(
        of password: [UInt8], salt: [UInt8], parameters: Argon2Parameters
    ) throws(HashingError) -> String {
        let (passes, memory) = (UInt32(parameters.passes), UInt32(parameters.memoryKibibytes))
        let lanes = UInt32(parameters.lanes)
        let capacity = argon2_encodedlen(passes, memory, lanes, UInt32(salt.count), UInt32(hashBytes), Argon2_id)
        var encoded = [CChar](repeating: 0, count: capacity)
        let code = argon2id_hash_encoded(
            passes, memory, lanes, password, password.count, salt, salt.count, hashBytes, &encoded, encoded.count)
        guard code == ARGON2_OK.rawValue else { throw failure(code) }
        return String(decoding: encoded.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Whether the password has this hash; compared in constant time, with the parameters that the hash names.
    ///
    /// - Throws: ``HashingError/failed(_:)`` also when `encoded` is no such hash.
    static func verify(_ password: [UInt8], against encoded: String) throws(HashingError) -> Bool {
        let code = argon2id_verify(encoded, password, password.count)
        if code == ARGON2_OK.rawValue { return true }
        guard code == ARGON2_VERIFY_MISMATCH.rawValue else { throw failure(code) }
        return false
    }

    private static func failure(_ code: Int32) -> HashingError {
        .failed(argon2_error_message(code).map { String(cString: $0) } ?? "Argon2 failed with code \(code)")
    }
}
