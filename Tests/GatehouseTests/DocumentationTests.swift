import Foundation
import Testing

@testable import gatehouse

/// The output that docs/commands.md shows is what the commands print.
@Suite struct DocumentationTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var command: String
        var output: String
        var testDescription: String { command }
    }

    /// A block of `sh` with one command, directly followed by a block of its output.
    static var examples: [Example] {
        get throws {
            let page = Commands.repository.appendingPathComponent("docs/commands.md")
            let blocks = try String(contentsOf: page, encoding: .utf8).split(
                separator: "```", omittingEmptySubsequences: false)
            var found: [Example] = []
            for index in stride(from: 1, to: blocks.count - 2, by: 2) {
                let (block, next) = (blocks[index], blocks[index + 2])
                let isFollowed = blocks[index + 1].allSatisfy(\.isWhitespace) && next.hasPrefix("\n")
                guard block.hasPrefix("sh\ngatehouse "), isFollowed else { continue }
                let command = block.dropFirst("sh\ngatehouse ".count).trimmingCharacters(in: .newlines)
                found.append(Example(command: command, output: String(next.dropFirst())))
            }
            return found
        }
    }

    @Test(arguments: try examples)
    func `an example is current`(example: Example) async throws {
        let output = try await Commands.run(example.command)
        #expect(output.text + output.complaint == example.output)
    }

    @Test func `there are examples`() throws {
        #expect(try Self.examples.count >= 4)
    }
}
