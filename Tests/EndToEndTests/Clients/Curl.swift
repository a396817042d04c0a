import Foundation

/// The curl program: a second opinion on what is on the wire.
struct Curl: Sendable {
    let authority: String
    /// For the files of one request, which are removed again.
    let folder: String

    /// - Throws: ``HarnessError`` when curl reports anything but a whole answer.
    func send(_ request: Request, over client: Client) async throws -> Answer {
        let files = "\(folder)/curl-\(UUID().uuidString)"
        defer {
            for suffix in ["head", "content", "body"] {
                // There is none for an answer or a request without it.
                try? FileManager.default.removeItem(atPath: "\(files).\(suffix)")
            }
        }
        let version = client == .curlHTTP2 ? "--http2" : "--http1.1"
        var arguments = [
            "--silent", "--show-error", "--disable", "--noproxy", "*", "--max-time", "20", "--cacert", authority,
            version, "--ipv4", "--dump-header", "\(files).head", "--output", "\(files).content", "--path-as-is",
        ]
        arguments += request.method == "HEAD" ? ["--head"] : ["--request", request.method]
        for (name, value) in request.headers { arguments += ["--header", "\(name): \(value)"] }
        if let body = request.body {
            try Data(body).write(to: URL(fileURLWithPath: "\(files).body"))
            arguments += ["--data-binary", "@\(files).body"]
        }
        _ = try await ChildProcess.run("/usr/bin/curl", arguments + [request.url], logs: folder)
        let content = request.method == "HEAD" ? nil : FileManager.default.contents(atPath: "\(files).content")
        let head = try String(contentsOfFile: "\(files).head", encoding: .utf8)
        return try Self.answer(head: head, content: Array(content ?? Data()))
    }

    /// The last head in the file: interim answers (100) stand before it.
    private static func answer(head: String, content: [UInt8]) throws -> Answer {
        let heads = head.replacing("\r\n", with: "\n").split(separator: "\n\n")
        let lines = (heads.last ?? "").split(separator: "\n")
        let start = (lines.first ?? "").split(separator: " ")
        guard start.count >= 2, let status = Int(start[1]), let major = start[0].dropFirst(5).first?.wholeNumberValue
        else { throw HarnessError("curl wrote no head: \(head)") }
        let headers = lines.dropFirst().compactMap { line -> (name: String, value: String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            return (line[..<colon].lowercased(), value)
        }
        return Answer(status: status, majorVersion: major, headers: headers, content: content)
    }
}
