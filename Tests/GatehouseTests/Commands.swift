import ArgumentParser
import Foundation

@testable import gatehouse

/// Runs commands as the shell would, in the repository.
enum Commands {
    static var repository: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .resolvingSymlinksInPath().deletingLastPathComponent()
    }

    /// - Parameter line: what follows `gatehouse`; paths are relative to the repository.
    /// - Returns: the output with paths as they were given.
    static func run(_ line: String) async throws -> CommandOutput {
        let prefix = repository.path + "/"
        let words = Self.words(line).map { word in
            FileManager.default.fileExists(atPath: prefix + word) ? prefix + word : word
        }
        var output: CommandOutput
        switch try GatehouseCommand.parseAsRoot(words) {
        case let command as CheckCommand: output = await command.output()
        case let command as ExplainCommand: output = await command.output()
        case let command as RoutesCommand: output = try command.output()
        case let command as DiffCommand: output = try await command.output()
        default: throw ValidationError("\(line) has no output to look at")
        }
        output.text = output.text.replacing(prefix, with: "")
        output.complaint = output.complaint.replacing(prefix, with: "")
        return output
    }

    /// Words of a shell line with single and double quotes, without escapes.
    static func words(_ line: String) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for character in line {
            switch (quote, character) {
            case (character?, _): quote = nil
            case (nil, "'"), (nil, "\""):
                quote = character
                word = word ?? ""
            case (nil, " "):
                if let complete = word { words.append(complete) }
                word = nil
            default: word = (word ?? "") + String(character)
            }
        }
        return words + [word].compactMap(\.self)
    }
}
