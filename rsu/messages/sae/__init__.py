"""SAE J2735: BSM, SPAT, MAP, TIM, PSM and sensor data sharing in their MessageFrame."""
