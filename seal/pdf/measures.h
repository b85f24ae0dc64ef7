// The measures that layout_static.cpp and layout.cpp share, in points.
#pragma once

#include "seal/pdf/text.h"

namespace seal::pdf::measures {

inline constexpr double kLeft = mm(20), kWidth = mm(170);
inline constexpr double kHair = 0.35, kFrame = 0.7;
// From the top of the page.
inline constexpr double kGridTop = mm(49.5), kGridLabel = mm(27);
inline constexpr double kHeadQrTop = mm(20.2);  // beside the title, on the first page of several
inline constexpr double kContinuedTop = mm(25);
inline constexpr double kHeading = mm(9.2);  // a table's heading line, with the space above it
inline constexpr double kTableHeader = mm(7.6);
inline constexpr double kBlankRow = mm(5.4);  // 以下空白
inline constexpr double kClosing = mm(53), kClosingGap = mm(2.5);
// From the bottom.
inline constexpr double kFooterLine = mm(14.5), kFooterText = mm(10.8), kBottom = mm(17);
// The closing block, from its upper left corner.
inline constexpr double kQrColumn = mm(41), kQrSide = mm(22.5), kQrTop = mm(11.5);
inline constexpr double kNotesLeft = mm(44), kNotesWidth = mm(67);
inline constexpr double kSealMiddle = mm(142.5), kSealColumn = mm(55), kSealAxis = mm(30.5);

}  // namespace seal::pdf::measures
