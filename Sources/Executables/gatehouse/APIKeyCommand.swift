import ArgumentParser
import Crypto
import Foundation

struct APIKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api-key",
        abstract: "Make an API key for a consumer, and the entry of the Secret that knows it.",
        discussion: """
            The key is 192 random bits and printed once; the Secret holds its hash, from which it cannot be had back.

            EXAMPLES:
              gatehouse api-key billing
            """)

    @Argument(help: "The consumer's name: letters, digits, '-', '_' and '.'.")
    var consumer: String

    func validate() throws {
        let isName = !consumer.isEmpty && consumer.count <= 253
        let letters = consumer.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard isName && letters else {
            throw ValidationError("a key of a Secret has letters, digits, '-', '_' and '.'")
        }
    }

    func run() throws {
        var generator = SystemRandomNumberGenerator()
        try output(key: (0..<24).map { _ in UInt8.random(in: .min ... .max, using: &generator) }).deliver()
    }

    /// - Parameter key: 24 random bytes.
    func output(key: [UInt8]) -> CommandOutput {
        let text = "gatehouse-" + Self.hexadecimal(key)
        let hash = Self.hexadecimal(SHA256.hash(data: Data(text.utf8)))
        return CommandOutput(
            text: """
                # For the consumer alone; nothing keeps it:
                \(text)
                # For stringData of the Secret:
                \(consumer): sha256:\(hash)

                """)
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
