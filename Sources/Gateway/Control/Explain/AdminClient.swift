import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Asks the admin interface of a gateway that runs.
public struct AdminClient: Sendable {
    /// There is nobody, or nobody who answers in time.
    public struct NoAnswer: Error, CustomStringConvertible {
        public let description: String
    }

    private static let answerLimitBytes = 16 << 20
    private static let deadline = TimeAmount.seconds(5)

    private let address: HostPort

    public init(address: HostPort) { self.address = address }

    /// - Throws: `NoAnswer`; `ExplainError` with what the gateway said.
    public func explain(_ request: ExplainedRequest) async throws -> ExplanationReport {
        var url = URLComponents()
        url.path = "/explain"
        var items = [("method", request.method), ("url", request.url)]
        if let address = request.clientAddress { items.append(("client-address", address)) }
        var authorization: String?
        for field in request.fields {
            if field.name.lowercased() == "authorization" {
                authorization = field.value
            } else {
                items.append(("header", "\(field.name): \(field.value)"))
            }
        }
        url.percentEncodedQuery = items.map { "\($0.0)=\(Self.encoded($0.1))" }.joined(separator: "&")
        var question = HTTPClientRequest(url: "http://\(address)" + (url.string ?? ""))
        if let authorization { question.headers.add(name: "authorization", value: authorization) }
        let (status, body) = try await answer(to: question)
        guard status == 200 else { throw ExplainError(body.trimmingCharacters(in: .whitespacesAndNewlines)) }
        return try JSONDecoder().decode(ExplanationReport.self, from: Data(body.utf8))
    }

    private func answer(to question: HTTPClientRequest) async throws -> (status: UInt, body: String) {
        do {
            let response = try await HTTPClient.shared.execute(question, timeout: Self.deadline)
            let body = try await response.body.collect(upTo: Self.answerLimitBytes)
            return (response.status.code, String(buffer: body))
        } catch {
            throw NoAnswer(
                description: """
                    no gateway answers at \(address); give FILES to explain documents, or --admin to ask another gateway
                    """)
        }
    }

    private static func encoded(_ text: String) -> String {
        let plain = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }
}
